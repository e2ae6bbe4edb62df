package mail

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// direction returns the direction of text in a locale: "rtl" or "ltr".
func direction(locale string) string {
	script, _ := language.Make(locale).Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return "rtl"
	default:
		return "ltr"
	}
}

// months are the names of months within a date.
var months = map[string]string{
	"en": "January February March April May June July August September October November December",
	"de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
	"fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
	"es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
	"pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
	"ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}

// dates are the forms of a date with day, month, year and time. The time is in UTC and says so, because the
// time zone of the reader is unknown.
var dates = map[string]string{
	"en": "%[1]s %[2]s %[3]d, %[4]s UTC",
	"de": "%[1]s. %[2]s %[3]d, %[4]s Uhr UTC",
	"fr": "%[1]s %[2]s %[3]d à %[4]s UTC",
	"es": "%[1]s de %[2]s de %[3]d, %[4]s UTC",
	"pt": "%[1]s de %[2]s de %[3]d, %[4]s UTC",
	"ar": "%[1]s %[2]s %[3]d، %[4]s UTC",
}

// formatTime returns a time to the minute in the form of a locale. Locales that only an operator's folder has
// use the form of ISO 8601.
func formatTime(locale string, t time.Time) string {
	t = t.UTC()
	base, _ := language.Make(locale).Base()
	form, ok := dates[base.String()]
	switch {
	case base.String() == "ja":
		return t.Format("2006年1月2日 15:04(UTC)")
	case !ok:
		return t.Format("2006-01-02 15:04 UTC")
	}
	day := strconv.Itoa(t.Day())
	if base.String() == "fr" && t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf(form, day, strings.Fields(months[base.String()])[t.Month()-1], t.Year(), t.Format("15:04"))
}
