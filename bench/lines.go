package main

import "strings"

// lines are the lines of the table, with their goals.
var lines = []line{
	{"me on PostgreSQL; limit: tuned gqlgen: requests/s", comparedMe(onPostgres, "c32_rps", "tuned"), atLeast(1.25)},
	{"  processor time of a request, µs", comparedMe(onPostgres, "c32_cpu_us", "tuned"), goal{}},
	{"  p99, ms", comparedMe(onPostgres, "c32_p99_ms", "tuned"), goal{}},
	{"  1 connection: p50, µs", comparedMe(onPostgres, "c1_us", "tuned"), goal{}},
	{"  limit: gqlgen's default: requests/s", comparedMe(onPostgres, "c32_rps", "gqlgen"), goal{}},
	{"  limit: no GraphQL, a plain handler: requests/s", comparedMe(onPostgres, "c32_rps", "limit"), goal{}},
	{"me on SQLite; limit: tuned gqlgen: requests/s", comparedMe(onSQLite, "c32_rps", "tuned"), atLeast(1)},
	{"  processor time of a request, µs", comparedMe(onSQLite, "c32_cpu_us", "tuned"), goal{}},
	{"  p99, ms", comparedMe(onSQLite, "c32_p99_ms", "tuned"), goal{}},
	{"  1 connection: p50, µs", comparedMe(onSQLite, "c1_us", "tuned"), goal{}},
	{"  limit: gqlgen's default: requests/s", comparedMe(onSQLite, "c32_rps", "gqlgen"), goal{}},
	{"  limit: no GraphQL, a plain handler: requests/s", comparedMe(onSQLite, "c32_rps", "limit"), goal{}},

	{"login on PostgreSQL; limit: bare hashing: logins/s", against{"logins_per_s", "hashes_per_s", "login_vs_hash"}, atLeast(0.95)},
	{"  most memory, 32 connections, MB", against{usher: "login_c32_rss_mb"}, atMost(110)},
	{"  most memory, 500 connections, MB", against{usher: "login_c500_rss_mb"}, atMost(110)},
	{"  refused among 500 connections: p50, ms", against{usher: "login_busy_p50_ms"}, goal{}},
	{"    p99, ms", against{usher: "login_busy_p99_ms"}, atMost(100)},
	{"    the slowest, ms", against{usher: "login_busy_max_ms"}, goal{}},

	{"me in a flood of logins; limit: without: requests/s", against{"me_flood_rps", "me_calm_rps", "me_flood_throughput"}, atLeast(0.5)},
	{"  p99, ms", against{"me_flood_p99_ms", "me_calm_p99_ms", "me_flood_p99_vs_calm"}, atMost(10)},
	{"  logins/s", against{usher: "me_flood_logins_per_s"}, goal{}},

	{"me with 1,000 connections and 2,000 slow clients; limit: the peak, 32 connections: requests/s", against{"overload_me_rps", "overload_me_peak_rps", "overload_me_served"}, atLeast(0.8)},
	{"  p99, ms", against{"overload_me_p99_ms", "overload_me_peak_p99_ms", "overload_me_p99_vs_peak"}, goal{}},
	{"  /healthz, p99, ms", against{usher: "overload_me_health_p99_ms"}, atMost(100)},
	{"  most memory, MB", against{usher: "overload_me_rss_mb"}, atMost(400)},
	{"login at 3 times the peak, 1,000 connections and 2,000 slow clients; limit: the peak, 8 connections: logins/s", against{"overload_login_rps", "overload_login_peak_rps", "overload_login_served"}, atLeast(0.8)},
	{"  refused: p99, ms", against{usher: "overload_login_refused_p99_ms"}, atMost(100)},
	{"  /healthz, p99, ms", against{usher: "overload_login_health_p99_ms"}, atMost(100)},
	{"  most memory, MB", against{usher: "overload_login_rss_mb"}, atMost(400)},

	{"owners that sign in on known devices during an attack; limit: without rate limits: %", comparedAttack("known", "during_served_percent"), atLeast(0.99)},
	{"  p50, ms", comparedAttack("known", "during_p50_ms"), goal{}},
	{"  p99, ms", comparedAttack("known", "during_p99_ms"), goal{}},
	{"  on new devices, %", comparedAttack("new", "during_served_percent"), goal{}},
	{"    p50, ms", comparedAttack("new", "during_p50_ms"), goal{}},
	{"  guesses that were checked", against{"attack_limited_guesses", "attack_unlimited_guesses", "attack_guesses_vs_unlimited"}, goal{}},

	{"refresh on PostgreSQL, 32 connections: requests/s", against{"refresh_postgres_c32_rps", "limit_refresh_postgres_c32_rps", "refresh_postgres_c32_vs_limit"}, atLeast(0.6)},
	{"refresh on SQLite, 32 connections: requests/s", against{"refresh_sqlite_c32_rps", "limit_refresh_sqlite_c32_rps", "refresh_sqlite_c32_vs_limit"}, atLeast(0.6)},

	{"me with EdDSA; limit: HS256: requests/s", against{"me_eddsa_rps", "me_hs256_rps", "me_eddsa_vs_hs256"}, atLeast(0.95)},
	{"me with ES256; limit: HS256: requests/s", against{"me_es256_rps", "me_hs256_rps", "me_es256_vs_hs256"}, atLeast(0.95)},
	{"me with RS256; limit: HS256: requests/s", against{"me_rs256_rps", "me_hs256_rps", "me_rs256_vs_hs256"}, atLeast(0.95)},

	{"start on PostgreSQL, ms", against{usher: "start_ms"}, atMost(100)},
	{"  memory after many me, MB", against{usher: "rss_mb_after_me"}, atMost(40)},
	{"  processor when idle, %", against{usher: "idle_cpu_percent"}, atMost(1)},
	{"start on SQLite, ms", against{usher: "start_ms_sqlite"}, atMost(100)},
	{"  memory after many me, MB", against{usher: "rss_mb_after_me_sqlite"}, atMost(40)},
	{"  processor when idle, %", against{usher: "idle_cpu_percent_sqlite"}, atMost(1)},
	{"binary, MB", against{usher: "binary_mb"}, atMost(30)},

	{"growth on PostgreSQL: me, largest ÷ smallest", against{usher: "growth_me_postgres"}, atMost(1.2)},
	{"  refresh", against{usher: "growth_refresh_postgres"}, atMost(1.2)},
	{"  login, less its hash", against{usher: "growth_login_postgres"}, atMost(1.2)},
	{"growth on SQLite: me, largest ÷ smallest", against{usher: "growth_me_sqlite"}, atMost(1.2)},
	{"  refresh", against{usher: "growth_refresh_sqlite"}, atMost(1.2)},
	{"  login, less its hash", against{usher: "growth_login_sqlite"}, atMost(1.2)},

	{"me on PostgreSQL; limit: the version before: requests/s", comparedBefore("me", onPostgres, "rps"), atLeast(0.97)},
	{"  processor time of a request, µs", comparedBefore("me", onPostgres, "cpu_us"), atMost(1.03)},
	{"login on PostgreSQL; limit: the version before: requests/s", comparedBefore("login", onPostgres, "rps"), atLeast(0.97)},
	{"  processor time of a request, µs", comparedBefore("login", onPostgres, "cpu_us"), atMost(1.03)},
	{"refresh on PostgreSQL; limit: the version before: requests/s", comparedBefore("refresh", onPostgres, "rps"), goal{}},
	{"  processor time of a request, µs", comparedBefore("refresh", onPostgres, "cpu_us"), goal{}},
	{"me on SQLite; limit: the version before: requests/s", comparedBefore("me", onSQLite, "rps"), atLeast(0.97)},
	{"  processor time of a request, µs", comparedBefore("me", onSQLite, "cpu_us"), atMost(1.03)},
	{"login on SQLite; limit: the version before: requests/s", comparedBefore("login", onSQLite, "rps"), atLeast(0.97)},
	{"  processor time of a request, µs", comparedBefore("login", onSQLite, "cpu_us"), atMost(1.03)},
	{"refresh on SQLite; limit: the version before: requests/s", comparedBefore("refresh", onSQLite, "rps"), goal{}},
	{"  processor time of a request, µs", comparedBefore("refresh", onSQLite, "cpu_us"), goal{}},
}

// comparedMe returns the names of a figure of `me` on a kind of database, of the same figure of another server, and
// of their ratio. The name of the ratio has no unit.
func comparedMe(kind, figure, other string) against {
	name := kind + "_" + figure
	ratio := "me_" + name[:strings.LastIndexByte(name, '_')] + "_vs_" + other
	return against{"me_" + name, other + "_" + name, ratio}
}

// comparedAttack returns the names of a figure of owners on a kind of device, of the same one without rate limits, and of
// their ratio.
func comparedAttack(device, figure string) against {
	name := device + "_" + figure
	return against{"attack_limited_" + name, "attack_unlimited_" + name, "attack_" + name + "_vs_unlimited"}
}
