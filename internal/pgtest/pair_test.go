//go:build unix

package pgtest

import "testing"

// TestPair writes to the primary, reads from the standby, and promotes the standby.
func TestPair(t *testing.T) {
	t.Parallel()
	pair, err := StartPair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pair.Stop(); err != nil {
			t.Error(err)
		}
	})
	at := create(t, pair.Primary)
	primary := connect(t, at)
	if _, err := primary.Exec(t.Context(), "CREATE TABLE one AS SELECT 1 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := pair.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := pair.Standby.At(at)
	if err != nil {
		t.Fatal(err)
	}
	standby := connect(t, other)
	var n int
	if err := standby.QueryRow(t.Context(), "SELECT n FROM one").Scan(&n); err != nil || n != 1 {
		t.Errorf("the standby has %d, %v", n, err)
	}
	if _, err := standby.Exec(t.Context(), "INSERT INTO one VALUES (2)"); err == nil {
		t.Error("the standby accepts writes")
	}
	if err := pair.Standby.Exec(t.Context(), "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
	if _, err := standby.Exec(t.Context(), "INSERT INTO one VALUES (2)"); err != nil {
		t.Error(err)
	}
}
