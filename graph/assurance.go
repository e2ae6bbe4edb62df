package graph

import (
	"github.com/99designs/gqlgen/graphql"

	"usher/internal/auth"
)

// MarshalAssurance writes a level.
func MarshalAssurance(a auth.Assurance) graphql.Marshaler { return graphql.MarshalString(string(a)) }

// UnmarshalAssurance reads a level.
func UnmarshalAssurance(v any) (auth.Assurance, error) {
	return unmarshalEnum(v, []auth.Assurance{auth.AAL1, auth.AAL2}, "AAL1 or AAL2")
}

// MarshalRequiredAssurance writes what a rule requires.
func MarshalRequiredAssurance(a auth.RequiredAssurance) graphql.Marshaler {
	return graphql.MarshalString(string(a))
}

// UnmarshalRequiredAssurance reads what a rule requires.
func UnmarshalRequiredAssurance(v any) (auth.RequiredAssurance, error) {
	return unmarshalEnum(v, []auth.RequiredAssurance{auth.RequireAAL1, auth.RequireAAL2, auth.RequireHighest}, "AAL1, AAL2 or HIGHEST")
}

// MarshalAuthMethod writes a method.
func MarshalAuthMethod(m auth.AuthMethod) graphql.Marshaler {
	return graphql.MarshalString(string(m))
}

// UnmarshalAuthMethod reads a method.
func UnmarshalAuthMethod(v any) (auth.AuthMethod, error) {
	return unmarshalEnum(v, auth.AllAuthMethods, "a method of authentication")
}
