package usher

import (
	"errors"
	"os"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// TestAdvice wants an answer to every code of the schema, since Go does not check that a switch is
// exhaustive.
func TestAdvice(t *testing.T) {
	const path = "../../../schema.graphqls"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: path, Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	codes := schema.Types["ErrorCode"].EnumValues
	if len(codes) == 0 {
		t.Fatal("the schema has no codes")
	}
	for _, code := range codes {
		e := Error{Code: ErrorCode(code.Name)}
		if e.Advice() == "" {
			t.Errorf("no advice for %s", code.Name)
		}
	}
	if schema.Types["UnauthenticatedReason"].EnumValues.ForName(string(TokenExpired)) == nil {
		t.Errorf("the schema has no reason %s", TokenExpired)
	}
}

// TestChallengeOfErrors wants each of the two challenges with its code, and an error of the server as it came if the
// challenge is of the other type.
func TestChallengeOfErrors(t *testing.T) {
	second := map[string]any{"code": "SECOND_FACTOR_REQUIRED", "challenge": "c1", "methods": []string{"TOTP"}, "expiresIn": 300}
	proof := map[string]any{"code": "CHALLENGE_REQUIRED", "challenge": map[string]any{"algorithm": "SHA-256", "maxnumber": 5}}
	read := func(extensions map[string]any) *Error {
		e := new(Error)
		errors.As(asError(gqlerror.List{{Message: "No.", Extensions: extensions}}), &e)
		return e
	}
	if e := read(second); e.SecondFactor == nil || e.SecondFactor.Challenge != "c1" || e.SecondFactor.ExpiresIn != 300 || e.Challenge != nil {
		t.Errorf("second factor: %+v", e)
	}
	if e := read(proof); e.Challenge == nil || e.Challenge.MaxNumber != 5 || e.SecondFactor != nil {
		t.Errorf("proof of work: %+v", e)
	}
	second["challenge"], proof["challenge"] = proof["challenge"], second["challenge"]
	for _, extensions := range []map[string]any{second, proof} {
		if e := read(extensions); e.Code != "" {
			t.Errorf("read %+v of %v", e, extensions)
		}
	}
}
