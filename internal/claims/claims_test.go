package claims

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/jsonobject"
	"usher/internal/token"
)

// account has a value for every source.
var account = Account{
	Username: new("Ada"), Email: new("ada@example.com"), FullName: new("Ada <Lovelace>"),
	Roles: []string{"USER", "ADMIN"}, Permissions: []string{"audit:read"},
	Metadata:    `{"locale":"en","theme":{"dark":true}}`,
	AppMetadata: `{"plan":"pro","limits":{"seats":9007199254740993,"note":null},"tags":["a",{"b":1}]}`,
}

func mapping(t testing.TB, text string) Mapping {
	t.Helper()
	var m Mapping
	if err := m.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return m
}

func texts(t *testing.T, m Mapping, a *Account) (values map[string]string, omitted []string) {
	t.Helper()
	raw, omitted, err := m.Of(a)
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for name, value := range raw {
		values[name] = string(value)
	}
	return values, omitted
}

func TestOf(t *testing.T) {
	t.Parallel()
	const all = "https://acme.example/plan=appMetadata.plan, role_names=roles,permissions=permissions,preferred_username=username," +
		"email=email,name=fullName,locale=metadata.locale,dark=metadata.theme.dark,seats=appMetadata.limits.seats," +
		"limits=appMetadata.limits,tags=appMetadata.tags,note=appMetadata.limits.note,none=appMetadata.plan.name"
	tests := map[string]struct {
		mapping string
		account Account
		want    map[string]string
	}{
		"every source": {all, account, map[string]string{
			"https://acme.example/plan": `"pro"`, "role_names": `["USER","ADMIN"]`, "permissions": `["audit:read"]`,
			"preferred_username": `"Ada"`, "email": `"ada@example.com"`, "email_verified": `false`, "name": `"Ada <Lovelace>"`, "locale": `"en"`, "dark": `true`,
			"seats": `9007199254740993`, "limits": `{"note":null,"seats":9007199254740993}`, "tags": `["a",{"b":1}]`,
		}},
		"address under another name": {"mail=email", account, map[string]string{"mail": `"ada@example.com"`}},
		"no values":                  {all, Account{}, map[string]string{"role_names": `[]`, "permissions": `[]`}},
		"no mapping":                 {"", account, map[string]string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Mapping{}
			if tt.mapping != "" {
				m = mapping(t, tt.mapping)
			}
			got, omitted := texts(t, m, &tt.account)
			if diff := cmp.Diff(tt.want, got); diff != "" || omitted != nil {
				t.Errorf("left out %v (-want +got):\n%s", omitted, diff)
			}
		})
	}
}

// TestOfTooLarge checks that nothing a user writes displaces what an administrator has assigned.
func TestOfTooLarge(t *testing.T) {
	t.Parallel()
	m := mapping(t, "bio=metadata.bio,suspended=appMetadata.suspended,plan=appMetadata.plan,name=fullName,none=metadata.none")
	object := func(name string, size int) string { return `"` + name + `":"` + strings.Repeat("x", size) + `"` }
	name := new("Ada")
	tests := map[string]struct {
		bio, plan int // their lengths
		want      []string
		omitted   []string
	}{
		"small":                      {10, 10, []string{"bio", "name", "plan", "suspended"}, nil},
		"the user's are too large":   {MaxSize, 10, []string{"plan", "suspended"}, []string{"bio", "name"}},
		"both together":              {MaxSize / 2, MaxSize / 2, []string{"plan", "suspended"}, []string{"bio", "name"}},
		"the assigned are too large": {10, MaxSize, nil, []string{"bio", "suspended", "plan", "name"}},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			got, omitted := texts(t, m, &Account{
				FullName: name, Metadata: jsonobject.Object(`{` + object("bio", tt.bio) + `}`),
				AppMetadata: jsonobject.Object(`{` + object("plan", tt.plan) + `,"suspended":true}`),
			})
			var names []string
			for _, want := range tt.want {
				if _, ok := got[want]; ok {
					names = append(names, want)
				}
			}
			if diff := cmp.Diff(tt.want, names); diff != "" || len(got) != len(tt.want) {
				t.Errorf("claims %v (-want +got):\n%s", got, diff)
			}
			if diff := cmp.Diff(tt.omitted, omitted); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOfEmail checks that email never comes without email_verified, nor that without email, and that it says what is true.
func TestOfEmail(t *testing.T) {
	t.Parallel()
	m := mapping(t, "email=email,bio=metadata.bio")
	for _, size := range []int{0, MaxSize / 2, MaxSize} {
		for _, email := range []*string{nil, new("ada@example.com")} {
			for _, verified := range []bool{false, true} {
				got, _ := texts(t, m, &Account{
					Email: email, EmailVerified: verified, Metadata: jsonobject.Object(`{"bio":"` + strings.Repeat("x", size) + `"}`),
				})
				_, has := got["email"]
				if said, ok := got["email_verified"]; ok != has || ok && said != strconv.FormatBool(verified) {
					t.Errorf("claims %v of an address that is verified: %t", got, verified)
				}
			}
		}
	}
}

// TestOfSize checks the limit to the byte.
func TestOfSize(t *testing.T) {
	t.Parallel()
	m := mapping(t, "plan=appMetadata.plan")
	for n, fits := range map[int]bool{MaxSize: true, MaxSize + 1: false} {
		plan := strings.Repeat("x", n-len(`"plan":"",`))
		got, omitted := texts(t, m, &Account{AppMetadata: jsonobject.Object(`{"plan":"` + plan + `"}`)})
		if (len(got) == 1) != fits || (omitted == nil) != fits {
			t.Errorf("%d bytes: %d claims, %v left out", n, len(got), omitted)
		}
	}
}

func TestUnmarshalText(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		var claims []string
		for i := range n {
			claims = append(claims, fmt.Sprintf("claim%d=roles", i))
		}
		return strings.Join(claims, ",")
	}
	longPath := strings.Repeat(".a", jsonobject.MaxDepth+1)
	for text, want := range map[string]string{
		many(token.MaxCustomClaims):      "",
		" a=roles , b=appMetadata.a_b-1": "",
		"groups=appMetadata.groups":      "",
		"given_name=metadata.given":      "",
		"urn:acme:plan=appMetadata.plan": "",

		"":                                   `must be claims such as plan=appMetadata.plan, not ""`,
		"a=roles,":                           `must be claims such as plan=appMetadata.plan, not ""`,
		"=roles":                             "must be claims such as",
		"a b=roles":                          "must be claims such as",
		"_sd=roles":                          "must be claims such as",
		"__proto__=metadata.a":               "must be claims such as",
		"ä=roles":                            "must be claims such as",
		`a"b=roles`:                          "must be claims such as",
		strings.Repeat("a", 201) + "=roles":  "must be claims such as",
		"plan":                               "must be claims such as",
		"plan=":                              "must have one of the sources",
		"plan=Roles":                         "must have one of the sources",
		"plan=roles.0":                       "must have one of the sources",
		"plan=metadata":                      "must have one of the sources",
		"plan=appmetadata.plan":              "must have one of the sources",
		"plan=email=email":                   "must have one of the sources",
		"plan=metadata.":                     "must have a PATH",
		"plan=metadata..a":                   "must have a PATH",
		"plan=metadata.a.":                   "must have a PATH",
		"plan=metadata.a b":                  "must have a PATH",
		"plan=metadata" + longPath:           "must have a PATH",
		"plan=roles,PLAN=roles":              `has the claim "PLAN" twice`,
		many(token.MaxCustomClaims + 1):      "must be at most 16 claims, not 17",
		"sub=username":                       `must not have the claim "sub": Usher or a standard defines it`,
		"roles=roles":                        `must not have the claim "roles"`,
		"Scope=permissions":                  `must not have the claim "Scope"`,
		"act=appMetadata.act":                `must not have the claim "act"`,
		"email_verified=appMetadata.v":       `must not have the claim "email_verified"`,
		"email=metadata.email":               `must not have the claim "email" except as email=email`,
		"Email=email":                        `must not have the claim "Email" except as email=email`,
		"name=username":                      `must not have the claim "name" except as name=fullName`,
		"preferred_username=metadata.handle": "except as preferred_username=username",
		"upn=metadata.name":                  "except as upn=username",
		"unique_name=fullName":               "except as unique_name=username",
		"Role=metadata.role":                 `must not have the claim "Role" from metadata.role`,
		"nameid=appMetadata.id":              `must not have the claim "nameid"`,
		"groups=metadata.groups":             `must not have the claim "groups" from metadata.groups: services authorize by it`,
		"Permissions=metadata.p":             `must not have the claim "Permissions" from metadata.p`,
		"entitlements=fullName":              `must not have the claim "entitlements" from fullName`,
	} {
		var m Mapping
		err := m.UnmarshalText([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzUnmarshalText checks that a mapping that is accepted never makes a claim that a token must not have.
func FuzzUnmarshalText(f *testing.F) {
	f.Add("https://acme.example/plan=appMetadata.plan, role_names=roles,email=email")
	f.Add("a=metadata.locale,A=metadata.theme.dark")
	f.Add("ſub=roles,groups=metadata.a")
	f.Fuzz(func(t *testing.T, text string) {
		var m Mapping
		if m.UnmarshalText([]byte(text)) != nil {
			return
		}
		values, _, err := m.Of(&account)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonobject.Append([]byte(`{"iss":"x"}`), values)
		if err != nil {
			t.Fatal(err)
		}
		read, err := jsonobject.Read(doc)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		delete(read, "iss")
		if _, ok := read["email"]; ok && read["email_verified"] == false {
			delete(read, "email_verified")
		}
		if len(read) > token.MaxCustomClaims {
			t.Errorf("%d claims", len(read))
		}
		for name := range read {
			if token.Reserved(name) {
				t.Errorf("the claim %q is reserved", name)
			}
		}
	})
}
