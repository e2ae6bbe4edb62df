package directive

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, house), map[string]any{"Note": (*note)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := WriteText(&text, s.Access()); err != nil {
		t.Fatal(err)
	}
	const want = `COORDINATE            ACCESS AND RATE LIMITS
Query.me              Signed-in users
Query.secret          Role ADMIN
Query.both            Everyone
Query.both(guarded:)  Role ADMIN
Query.required        Everyone
Query.reachesNothing  Everyone
Mutation.remove       Role ADMIN
Emptied.field         Role ADMIN
Filter.guarded        Signed-in users
Note.text             Role ADMIN, or the owner; identity confirmed in the last 90 seconds
Note.audit            Signed-in users with permission audit:read
Wrapper.only          Role ADMIN; checks the access token only
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	var markdown, json bytes.Buffer
	if err := WriteMarkdown(&markdown, s.Access()[:1]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("| coordinate | access | rate limits |\n| --- | --- | --- |\n| `Query.me` | Signed-in users |  |\n", markdown.String()); diff != "" {
		t.Errorf("markdown (-want +got):\n%s", diff)
	}
	if err := WriteJSON(&json, s.Access()[9:10]); err != nil {
		t.Fatal(err)
	}
	const wantJSON = `[
  {
    "place": "Note.text",
    "description": "What it says.",
    "access": "Role ADMIN, or the owner; identity confirmed in the last 90 seconds",
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

func TestAccessLimits(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, limitLanguage+`
		type Query { a: T @public @rateLimit(max: 100, per: "1m") @rateLimit(name: "all", by: GLOBAL, max: 9, per: "1h", cost: 2) b: T @public }
		type T { x: Int @rateLimit(max: 5, per: "1s", counts: FAILURES) y: Int }`), guardedTypes, false)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Access()
	var text, markdown, json bytes.Buffer
	for write, to := range map[*bytes.Buffer]func() error{
		&text:     func() error { return WriteText(&text, table) },
		&markdown: func() error { return WriteMarkdown(&markdown, table) },
		&json:     func() error { return WriteJSON(&json, table[:1]) },
	} {
		if err := to(); err != nil || write.Len() == 0 {
			t.Fatal(err)
		}
	}
	for want, got := range map[string]string{`COORDINATE  ACCESS AND RATE LIMITS
Query.a     Everyone
              a: 100 per minute for each client address
              all: 9 per hour in total, each use counts 2
Query.b     Everyone
Note.text   Everyone
T.x         No rule of its own
              x: 5 failures per second for each client address
`: text.String(), `| coordinate | access | rate limits |
| --- | --- | --- |
| ` + "`Query.a`" + ` | Everyone | a: 100 per minute for each client address; all: 9 per hour in total, each use counts 2 |
| ` + "`Query.b`" + ` | Everyone |  |
| ` + "`Note.text`" + ` | Everyone |  |
| ` + "`T.x`" + ` | No rule of its own | x: 5 failures per second for each client address |
`: markdown.String(), `[
  {
    "place": "Query.a",
    "access": "Everyone",
    "public": true,
    "limits": [
      {
        "name": "a",
        "text": "a: 100 per minute for each client address",
        "by": [
          "CLIENT"
        ],
        "max": 100,
        "per": 60,
        "cost": 1,
        "counts": "CALLS",
        "exceeded": "REFUSE"
      },
      {
        "name": "all",
        "text": "all: 9 per hour in total, each use counts 2",
        "by": [
          "GLOBAL"
        ],
        "max": 9,
        "per": 3600,
        "cost": 2,
        "counts": "CALLS",
        "exceeded": "REFUSE"
      }
    ]
  }
]
`: json.String()} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestAccessByType(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, mixed), map[string]any{"Note": (*note)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, typ := range s.AccessByType() {
		line := typ.Name + " (" + typ.Description + ")"
		for _, e := range typ.Entries {
			line += " " + e.Coordinate
		}
		got = append(got, line)
	}
	want := []string{"Query (Ways in.) Query.me Query.me(of:)", "Mutation () Mutation.remove", "In () In.x", "Note (A note.) Note.text"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const mixed = `
"Ways in."
type Query { me(of: Int @auth, in: In): Note @auth }
type Mutation { remove: Free @auth(requires: ADMIN) }
"A note."
type Note { text: String @auth(requires: ADMIN, orOwner: true) }
type Free { nothing: Int }
input In { x: Int @auth y: Int }
` + language
