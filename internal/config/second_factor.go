package config

import "time"

// SecondFactor are the settings of who must have a second factor. They are part of Server.
type SecondFactor struct {
	RequireSecondFactor string        `environ:"USHER_REQUIRE_SECOND_FACTOR" default:"none" enum:"none,admin,all" help:"Who must have a second factor: none, admin for administrators, or all. Users without one have --second-factor-grace to set it up. Afterwards they can only set it up and manage their own account, get no access tokens for other APIs, and need a mailed code beside the password. A field can differ with assurance in @auth."`
	SecondFactorGrace   time.Duration `environ:"USHER_SECOND_FACTOR_GRACE" default:"168h" help:"How long users have to set up a second factor that --require-second-factor asks for, from their first sign-in or refresh under it. 0s means at once. At most 8760h."`
}
