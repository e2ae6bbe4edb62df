package jsonobject

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse reads a text and returns it as an Object.
func parse(text string) (Object, error) {
	members, err := Read([]byte(text))
	if err != nil {
		return "", err
	}
	return New(members)
}

func TestNew(t *testing.T) {
	t.Parallel()
	nested := func(open, closing string, n int) string {
		return `{"a":` + strings.Repeat(open, n-1) + `0` + strings.Repeat(closing, n-1) + `}`
	}
	sized := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
	tests := map[string]struct {
		text string
		want Object
		err  error
	}{
		"no members":       {text: ` { } `, want: ""},
		"order and space":  {text: `{ "b" : [ 1 , {} , [] ] , "a" : { "d" : null, "c" : true } }`, want: `{"a":{"c":true,"d":null},"b":[1,{},[]]}`},
		"numbers":          {text: `{"a":[9007199254740993,1.0,-0,1E2,0.10,1e-400,99999999999999999999999999]}`, want: `{"a":[9007199254740993,1.0,-0,1E2,0.10,1e-400,99999999999999999999999999]}`},
		"escapes":          {text: `{"\u0061":"\u00e9<&>\ud83d\ude00\/\u0001"}`, want: "{\"a\":\"é<&>😀/\\u0001\"}"},
		"largest":          {text: sized(MaxSize), want: Object(sized(MaxSize))},
		"too long":         {text: sized(MaxSize + 1), err: ErrTooLong},
		"space is free":    {text: sized(MaxSize) + "   ", want: Object(sized(MaxSize))},
		"deepest object":   {text: nested(`{"a":`, `}`, MaxDepth), want: Object(nested(`{"a":`, `}`, MaxDepth))},
		"deepest array":    {text: nested(`[`, `]`, MaxDepth), want: Object(nested(`[`, `]`, MaxDepth))},
		"object too deep":  {text: nested(`{"a":`, `}`, MaxDepth+1), err: ErrTooDeep},
		"array too deep":   {text: nested(`[`, `]`, MaxDepth+1), err: ErrTooDeep},
		"very deep":        {text: nested(`[`, `]`, 9000), err: ErrTooDeep},
		"NUL":              {text: `{"a":["x\u0000"]}`, err: ErrText},
		"NUL in a name":    {text: `{"a":{"\u0000":1}}`, err: ErrText},
		"large number":     {text: `{"a":1e400}`, err: ErrNumber},
		"negative number":  {text: `{"a":[-1e400]}`, err: ErrNumber},
		"equal names":      {text: `{"a":{"b":1,"b":2}}`, err: ErrDuplicateName},
		"half a surrogate": {text: `{"a":"\ud83d"}`, err: ErrSurrogate},
		"array":            {text: `[]`, err: ErrNotObject},
		"null":             {text: `null`, err: ErrNotObject},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.text)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("%s, %v, want %s, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestNewOfGoValues checks the values of GraphQL literals, and values that no parser makes.
func TestNewOfGoValues(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value any
		want  Object
		err   error
	}{
		"integer":     {int64(math.MaxInt64), `{"a":9223372036854775807}`, nil},
		"fraction":    {0.1, `{"a":0.1}`, nil},
		"no elements": {[]any(nil), `{"a":[]}`, nil},
		"infinity":    {math.Inf(-1), "", ErrNumber},
		"not a number": {
			math.NaN(), "", ErrNumber,
		},
		"not UTF-8":    {"\xff", "", ErrText},
		"no JSON type": {struct{}{}, "", errValue},
		"bad number":   {json.Number("1x"), "", ErrNumber},
	} {
		if got, err := New(map[string]any{"a": tt.value}); !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("%s: %s, %v, want %s, %v", name, got, err, tt.want, tt.err)
		}
	}
	if _, err := New(map[string]any{"\xff": true}); !errors.Is(err, ErrText) {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
}

// TestMerge has the cases of RFC 7396, appendix A, whose targets and patches are objects.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":1}`, `{"a":1}`, `{"a":1,"e":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{"a":9007199254740993}`, `{"b":1.0}`, `{"a":9007199254740993,"b":1.0}`},
		{`{"a":{"b":1}}`, `{"a":[null]}`, `{"a":[null]}`},
	} {
		target, err := parse(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := parse(tt.patch)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := target.Merge(patch); err != nil || got.JSON() != tt.want {
			t.Errorf("%s with %s: %s, %v, want %s", tt.target, tt.patch, got.JSON(), err, tt.want)
		}
	}
	half := Object(`{"a":"` + strings.Repeat("x", MaxSize/2) + `"}`)
	other := Object(`{"b":"` + strings.Repeat("x", MaxSize/2) + `"}`)
	if _, err := half.Merge(other); !errors.Is(err, ErrTooLong) {
		t.Errorf("a result that is too long: %v", err)
	}
	if _, err := Object("{").Merge("{}"); err == nil {
		t.Error("a text that is no object was merged")
	}
	if _, err := Object("").Merge("{"); err == nil {
		t.Error("a patch that is no object was merged")
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	o := Object(`{"a":{"b":[1],"c":null},"d":9007199254740993}`)
	for _, tt := range []struct {
		path []string
		want any
		ok   bool
	}{
		{[]string{"a", "b"}, []any{json.Number("1")}, true},
		{[]string{"a", "c"}, nil, true},
		{[]string{"d"}, json.Number("9007199254740993"), true},
		{[]string{"b"}, nil, false},
		{[]string{"a", "b", "0"}, nil, false},
		{[]string{"d", "e"}, nil, false},
	} {
		if got, ok := o.At(tt.path); ok != tt.ok || !cmp.Equal(got, tt.want) {
			t.Errorf("%v: %v, %v, want %v, %v", tt.path, got, ok, tt.want, tt.ok)
		}
	}
	for _, o := range []Object{"", "no object"} {
		if _, ok := o.At([]string{"a"}); ok {
			t.Errorf("%q has a member", o)
		}
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	got, err := Append([]byte(`{"a":1}`), map[string]json.RawMessage{"c": []byte(`"<"`), "https://b.example": []byte(`[2]`)})
	if want := `{"a":1,"c":"<","https://b.example":[2]}`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

// FuzzObject checks that an Object is a fixed point with the value of the text, and that merging keeps the limits and
// the rules of a merge patch.
func FuzzObject(f *testing.F) {
	for _, seed := range [][2]string{
		{`{ "b":[1,{"c":null}], "a":9007199254740993}`, `{"b":null,"a":{"x":1e2}}`},
		{`{"a":1e400}`, `{}`},
		{`{"a":"\u0000"}`, `{"a":"\ud83d\ude00<"}`},
		{`{"a":[[[[[[[[0]]]]]]]]}`, `{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":0}}}}}}}}}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, patchText string) {
		o, err := parse(text)
		if err != nil {
			if o != "" {
				t.Errorf("an object and the error %v", err)
			}
			return
		}
		if len(o) > MaxSize {
			t.Errorf("%d bytes", len(o))
		}
		if again, err := parse(o.JSON()); err != nil || again != o {
			t.Errorf("%s becomes %s, %v", o, again, err)
		}
		before, _ := Read([]byte(text))
		after, err := Read([]byte(o.JSON()))
		if diff := cmp.Diff(before, after); err != nil || diff != "" {
			t.Errorf("%v (-text +object):\n%s", err, diff)
		}
		if same, err := o.Merge(""); err != nil || same != o {
			t.Errorf("%s without changes becomes %s, %v", o, same, err)
		}
		patch, err := parse(patchText)
		if err != nil {
			return
		}
		once, err := o.Merge(patch)
		if err != nil {
			return
		}
		if twice, err := once.Merge(patch); err != nil || twice != once {
			t.Errorf("%s patched twice becomes %s, %v", once, twice, err)
		}
		changes, _ := patch.members()
		for name, value := range changes {
			if _, has := once.At([]string{name}); has == (value == nil) {
				t.Errorf("%s with %s becomes %s", o, patch, once)
			}
		}
	})
}
