package totp

import (
	"errors"
	"fmt"
	"strings"

	"rsc.io/qr"
)

// ErrTooLong means that a text has more bytes than a QR code can hold, which is 2331.
var ErrTooLong = errors.New("totp: the text is too long for a QR code")

// quietZone is the white margin of a QR code in modules (ISO/IEC 18004). Scanners need it to find the code.
const quietZone = 4

// QRCodeSVG returns the QR code of a URI as an SVG image. The image can be part of a page or a file of its own. It
// has no size, so that it fills its place. It needs no styles, so that no Content-Security-Policy prevents it. The only
// error is ErrTooLong.
func QRCodeSVG(uri string) (string, error) {
	code, err := qr.Encode(uri, qr.M)
	if err != nil {
		return "", ErrTooLong // Encode has no other error. None may contain the URI.
	}
	var svg strings.Builder
	size := code.Size + 2*quietZone
	// The colors are explicit because few scanners read white on black.
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" role="img" aria-label="QR code" `+
		`shape-rendering="crispEdges"><rect width="%[1]d" height="%[1]d" fill="#fff"/><path fill="#000" d="`, size)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for code.Black(x, y) { // it is false outside the code
				x++
			}
			if x > start {
				fmt.Fprintf(&svg, "M%d %dh%dv1h-%[3]dz", start+quietZone, y+quietZone, x-start)
			}
		}
	}
	svg.WriteString(`"/></svg>`)
	return svg.String(), nil
}
