package totp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"rsc.io/qr"
)

// image is all that may be in the SVG. The Other fields have everything else.
type image struct {
	XMLName struct{} `xml:"http://www.w3.org/2000/svg svg"`
	ViewBox string   `xml:"viewBox,attr"`
	Role    string   `xml:"role,attr"`
	Label   string   `xml:"aria-label,attr"`
	Shape   string   `xml:"shape-rendering,attr"`
	NS      string   `xml:"xmlns,attr"`
	Rect    struct {
		Width  int        `xml:"width,attr"`
		Height int        `xml:"height,attr"`
		Fill   string     `xml:"fill,attr"`
		Other  []xml.Attr `xml:",any,attr"`
	} `xml:"rect"`
	Path []struct {
		Fill  string     `xml:"fill,attr"`
		D     string     `xml:"d,attr"`
		Other []xml.Attr `xml:",any,attr"`
	} `xml:"path"`
	OtherAttributes []xml.Attr `xml:",any,attr"`
	OtherElements   []struct {
		XMLName xml.Name
	} `xml:",any"`
	Text string `xml:",chardata"`
}

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// modules draws the path of an SVG. The result has a line for each row: # is black.
func modules(t *testing.T, svg string) string {
	t.Helper()
	var got image
	if err := xml.Unmarshal([]byte(svg), &got); err != nil {
		t.Fatalf("%v: %s", err, svg)
	}
	size := got.Rect.Width
	if got.ViewBox != fmt.Sprintf("0 0 %d %[1]d", size) || got.Role != "img" || got.Label != "QR code" ||
		got.Shape != "crispEdges" || got.Rect.Height != size || got.Rect.Fill != "#fff" || len(got.Rect.Other) != 0 ||
		len(got.Path) != 1 || got.Path[0].Fill != "#000" || len(got.Path[0].Other) != 0 ||
		len(got.OtherAttributes) != 0 || len(got.OtherElements) != 0 || got.Text != "" {
		t.Fatalf("got %+v", got)
	}
	rows := make([][]byte, size)
	for y := range rows {
		rows[y] = []byte(strings.Repeat(".", size))
	}
	rest := run.ReplaceAllStringFunc(got.Path[0].D, func(match string) string {
		var x, y, width, back int
		if _, err := fmt.Sscanf(match, "M%d %dh%dv1h-%dz", &x, &y, &width, &back); err != nil || width != back || width < 1 {
			t.Fatalf("%s: %v", match, err)
		}
		for i := x; i < x+width; i++ {
			if rows[y][i] == '#' {
				t.Fatalf("%s: drawn twice", match)
			}
			rows[y][i] = '#'
		}
		return ""
	})
	if rest != "" {
		t.Fatalf("also in the path: %s", rest)
	}
	var drawn strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&drawn, "%s\n", row)
	}
	return drawn.String()
}

// TestQRCodeSVG compares the drawing with the matrix of the library, with a margin of four modules.
func TestQRCodeSVG(t *testing.T) {
	for _, text := range []string{
		"", "1", seed.URI("Usher", "ada@example.com"), seed.URI("<&>\"'", "</svg><script>alert(1)</script>"),
		seed.URI(strings.Repeat("ä", 64), strings.Repeat("a", 254)), strings.Repeat("x", 2331),
	} {
		svg, err := QRCodeSVG(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for y := -4; y < code.Size+4; y++ {
			for x := -4; x < code.Size+4; x++ {
				if code.Black(x, y) {
					want.WriteByte('#')
				} else {
					want.WriteByte('.')
				}
			}
			want.WriteByte('\n')
		}
		if got := modules(t, svg); got != want.String() {
			t.Errorf("%q: got\n%s\nwant\n%s", text, got, want.String())
		}
	}
}

func TestTooLong(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 2332), strings.Repeat("x", 1<<20)} {
		if svg, err := QRCodeSVG(text); svg != "" || !errors.Is(err, ErrTooLong) || len(err.Error()) > 100 {
			t.Errorf("%d bytes: got %d bytes, %v", len(text), len(svg), err)
		}
	}
}
