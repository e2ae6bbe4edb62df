package guard

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, house), map[string]any{"Note": (*note)(nil)})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := WriteText(&text, s.Access()); err != nil {
		t.Fatal(err)
	}
	const want = `PLACE                 WHO
Query.me              USER
Query.secret          ADMIN
Query.both            everyone
Query.both(guarded:)  ADMIN
Query.required        everyone
Query.reachesNothing  everyone
Mutation.remove       ADMIN
Emptied.field         ADMIN
Filter.guarded        USER or ADMIN
Note.text             ADMIN or owner, proved within 90 seconds
Note.audit            USER with audit:read
Wrapper.only          ADMIN, by the token alone
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	var markdown, json bytes.Buffer
	if err := WriteMarkdown(&markdown, s.Access()[:1]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("| place | who |\n| --- | --- |\n| `Query.me` | USER |\n", markdown.String()); diff != "" {
		t.Errorf("markdown (-want +got):\n%s", diff)
	}
	if err := WriteJSON(&json, s.Access()[9:10]); err != nil {
		t.Fatal(err)
	}
	const wantJSON = `[
  {
    "place": "Note.text",
    "public": false,
    "requires": [
      "ADMIN"
    ],
    "orOwner": true,
    "check": "SESSION",
    "maxAge": 90
  }
]
`
	if diff := cmp.Diff(wantJSON, json.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
