package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testSteps are the steps of a third of an attack.
const testSteps = 10

// everything returns results with a figure for each line of the table and each point of the plots.
func everything() *results {
	r := newResults()
	for _, l := range lines {
		for _, name := range []string{l.usher, l.limit, l.ratio} {
			if name != "" {
				r.set(name, 1234.5678)
			}
		}
	}
	for _, kind := range kinds {
		for _, verb := range growthVerbs {
			for _, users := range longPace.sizes {
				r.set(growthName(verb, kind, users), float64(users)/1e3)
			}
		}
	}
	for _, limits := range []string{"limited", "unlimited"} {
		known := []arrival{{0, time.Second, ""}, {time.Second, time.Second, "SERVICE_UNAVAILABLE"}, {41 * time.Second, time.Second, ""}}
		r.attack(limits, attacked{known, known, map[string]int{"INVALID_CREDENTIALS": 120, "CHALLENGE_REQUIRED": 4000}}, testSteps)
	}
	r.set("machine_cpus", 2)
	r.machine("go", "1.26")
	return r
}

// TestResults checks that each documented name is in the results with a number.
func TestResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	if err := everything().write(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var flat map[string]any
	if err := json.Unmarshal(text, &flat); err != nil {
		t.Fatal(err)
	}
	for name, value := range flat {
		_, number := value.(float64)
		if text, ok := value.(string); !number && (!ok || !strings.HasPrefix(name, "machine_")) {
			t.Errorf("%s is %v%s", name, value, text)
		}
	}
	for _, name := range []string{
		"me_postgres_c32_vs_tuned", "me_postgres_c32_vs_gqlgen", "me_sqlite_c32_vs_tuned",
		"me_postgres_c32_vs_limit", "me_postgres_c32_cpu_vs_tuned", "me_postgres_c1_vs_tuned", "me_sqlite_c32_vs_limit",
		"login_vs_hash", "login_c32_rss_mb", "login_c500_rss_mb", "login_busy_p99_ms",
		"me_flood_throughput", "me_flood_p99_vs_calm",
		"refresh_postgres_c32_vs_limit", "refresh_sqlite_c32_vs_limit",
		"me_eddsa_vs_hs256", "me_es256_vs_hs256", "me_rs256_vs_hs256",
		"attack_limited_known_during_served_percent", "attack_unlimited_known_00_p50_ms", "now_vs_before_login_postgres_cpu_us",
		"start_ms", "rss_mb_after_me", "binary_mb", "idle_cpu_percent",
		"growth_me_postgres", "growth_refresh_postgres", "growth_login_postgres",
		"growth_me_sqlite", "growth_refresh_sqlite", "growth_login_sqlite", "growth_me_postgres_1000000_us",
	} {
		if _, ok := flat[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestSetRounds(t *testing.T) {
	r := newResults()
	r.set("long", 1.0/3)
	r.set("large", 123456)
	r.set("none", math.NaN())
	r.set("endless", math.Inf(1))
	if diff := cmp.Diff(map[string]float64{"long": 0.3333, "large": 123500}, r.figures); diff != "" {
		t.Error(diff)
	}
}

func TestTable(t *testing.T) {
	r := newResults()
	r.set("me_postgres_c32_rps", 15000)
	r.set("tuned_postgres_c32_rps", 10000)
	r.set("me_postgres_c32_vs_tuned", 1.5)
	r.set("noise_tuned_postgres_c32_rps", 3)
	r.set("start_ms", 250)
	var table strings.Builder
	if err := r.table(&table); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(table.String(), "\n")
	var got [][]string
	for _, row := range rows[:3] {
		got = append(got, strings.Fields(row))
	}
	want := [][]string{
		strings.Fields("WHAT USHER LIMIT RATIO GOAL NOISE"),
		strings.Fields("me on PostgreSQL; limit: tuned gqlgen: requests/s 15,000 10,000 1.50 ≥ 1.25 ok 3.00 %"),
		strings.Fields("start on PostgreSQL, ms 250 ≤ 100 MISSED"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestShort(t *testing.T) {
	for figure, want := range map[float64]string{
		0: "0.00", 0.966: "0.97", 9.99: "9.99", 12.34: "12.3", 100: "100", 999.6: "1,000", 12345: "12,345", 1000000: "1,000,000",
	} {
		if got := short(figure); got != want {
			t.Errorf("%v: got %s, want %s", figure, got, want)
		}
	}
}

// TestAttackResults checks that failed sign-ins count in the share and not in the latency.
func TestAttackResults(t *testing.T) {
	r := newResults()
	r.attack("limited", attacked{known: []arrival{
		{19 * time.Second, 10 * time.Millisecond, ""},
		{20 * time.Second, 30 * time.Millisecond, ""},
		{21 * time.Second, time.Millisecond, "SERVICE_UNAVAILABLE"},
		{39 * time.Second, 50 * time.Millisecond, ""},
		{39 * time.Second, 70 * time.Millisecond, ""},
	}}, testSteps)
	for name, want := range map[string]float64{
		"before_served_percent": 100, "before_p50_ms": 10, "during_served_percent": 75, "during_p50_ms": 50, "during_p99_ms": 70,
		"10_served_percent": 50, "10_p50_ms": 30, "19_p50_ms": 50,
	} {
		if got := r.figures["attack_limited_known_"+name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if r.has("attack_limited_known_after_p50_ms") || r.has("attack_limited_known_after_served_percent") {
		t.Error("a third without sign-ins has figures")
	}
}

// TestPlots checks that the plots are valid XML with a description.
func TestPlots(t *testing.T) {
	folder := t.TempDir()
	if err := everything().draw(folder, longPace.sizes, testSteps); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	if err != nil || len(files) != 4 {
		t.Fatalf("drew %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		elements := map[string]int{}
		for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if start, ok := token.(xml.StartElement); ok {
				elements[start.Name.Local]++
			}
		}
		if elements["title"] != 1 || elements["desc"] != 1 || elements["rect"]+elements["polyline"] < 5 {
			t.Errorf("%s has %v", file, elements)
		}
		if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "no value") {
			t.Errorf("%s lacks a figure", file)
		}
	}
}
