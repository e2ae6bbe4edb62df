//go:build ha

package ha

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fault is what happens to the cluster.
type fault struct {
	name string
	// promotes tells that another server becomes the primary.
	promotes bool
	// cuts tells that the first replica of Usher is cut off from the other side.
	cuts bool
	// inject causes the fault, and heal ends it.
	inject, heal func(t *testing.T, c *cluster, primary, standby, other string)
	short        bool // whether it is part of `make e2e`
}

var faults = []fault{
	{
		name: "kill -9 of the primary and its Patroni", promotes: true, short: true,
		inject: func(t *testing.T, c *cluster, primary, _, _ string) { c.crash(t, primary) },
		heal:   func(t *testing.T, c *cluster, primary, _, _ string) { c.startPatroni(t, primary) },
	},
	{
		name: "switchover by patronictl", promotes: true,
		inject: func(t *testing.T, c *cluster, primary, standby, _ string) {
			c.patronictl(t, primary, "switchover", "usher", "--master", primary, "--candidate", standby, "--force")
		},
	},
	{
		name: "partition: primary and a replica of Usher", promotes: true, cuts: true,
		inject: func(t *testing.T, c *cluster, primary, _, _ string) { c.cut(t, primary, "app1") },
		heal:   func(t *testing.T, c *cluster, primary, _, _ string) { c.join(t, primary, "app1") },
	},
	{
		name: "Patroni of the primary frozen", promotes: true, short: true,
		inject: func(t *testing.T, c *cluster, primary, _, _ string) {
			c.signal(t, primary+" patroni", syscall.SIGSTOP)
		},
		heal: func(t *testing.T, c *cluster, primary, _, _ string) {
			c.signal(t, primary+" patroni", syscall.SIGCONT)
		},
	},
	{
		name: "partition, and Patroni of the primary frozen", promotes: true, cuts: true,
		inject: func(t *testing.T, c *cluster, primary, _, _ string) {
			c.signal(t, primary+" patroni", syscall.SIGSTOP)
			c.cut(t, primary, "app1")
		},
		heal: func(t *testing.T, c *cluster, primary, _, _ string) {
			c.join(t, primary, "app1")
			c.signal(t, primary+" patroni", syscall.SIGCONT)
		},
	},
	{
		name:   "synchronous standby cut off and back",
		inject: func(t *testing.T, c *cluster, _, standby, _ string) { c.cut(t, standby) },
		heal:   func(t *testing.T, c *cluster, _, standby, _ string) { c.join(t, standby) },
	},
	{
		name:   "asynchronous standby cut off and back",
		inject: func(t *testing.T, c *cluster, _, _, other string) { c.cut(t, other) },
		heal:   func(t *testing.T, c *cluster, _, _, other string) { c.join(t, other) },
	},
	{
		name: "etcd gone",
		inject: func(t *testing.T, c *cluster, _, _, _ string) {
			for _, name := range databases {
				c.kill(t, name+" etcd")
			}
		},
		heal: func(t *testing.T, c *cluster, _, _, _ string) {
			for _, name := range databases {
				c.startEtcd(t, name)
			}
		},
	},
}

// patronictl runs a command of Patroni's program.
func (c *cluster) patronictl(t *testing.T, on string, args ...string) {
	t.Helper()
	cmd := c.machines[on].command(t.Context(), "postgres", patroniBinds, environment(file(t, "patroni.env", "", "")),
		append([]string{"patronictl", "-c", "/etc/patroni/config.yml"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("patronictl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

const (
	before = 3 * time.Second // load before a fault
	after  = 5 * time.Second // load after Usher has recovered, before the fault ends
	last   = 2 * time.Second // load after the fault
	// lasts is how long a fault lasts that does not promote a standby: longer than Patroni's ttl.
	lasts = 25 * time.Second
)

const (
	// limit is the longest time without an acknowledged write after a promotion.
	limit = 5 * time.Second
	// rewindLimit applies if the asynchronous standby had received more than the synchronous one. Commits then wait until
	// pg_rewind has removed the rest.
	rewindLimit = 15 * time.Second
)

// rewinds returns how often Patroni has rewound a server.
func (c *cluster) rewinds(t *testing.T, name string) int {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(c.machines[name].folder, "patroni.log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(log), "running pg_rewind from dbname")
}

func TestFaults(t *testing.T) {
	fronts := [][2]front{{byHosts, byHAProxy}}
	if *full {
		fronts = [][2]front{{byHosts, byHosts}, {byHAProxy, byHAProxy}, {byPgBouncer, byPgBouncer}}
	}
	var table strings.Builder
	fmt.Fprintln(&table, "| found by | fault | acknowledged | lost | promoted after | gap after promotion | longest gap | accepted after revocation | signed out |")
	fmt.Fprintln(&table, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, by := range fronts {
		name := string(by[0])
		if by[1] != by[0] {
			name += " and " + string(by[1])
		}
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			m := c.watch(t)
			replicas := []*replica{c.startUsher(t, "app1", "usher", by[0]), c.startUsher(t, "app2", "ahead", by[1])}
			for _, f := range faults {
				if f.short || *full {
					t.Run(f.name, func(t *testing.T) {
						fmt.Fprintf(&table, "| %s | %s |%s\n", name, f.name, f.run(t, c, m, replicas))
					})
				}
			}
		})
	}
	t.Logf("\n%s", &table)
}

// run runs a fault under load and returns its row of the table.
func (f fault) run(t *testing.T, c *cluster, m *monitor, replicas []*replica) (row string) {
	t.Helper()
	primary, standby, other := c.awaitHealthy(t, 120*time.Second)
	l := startLoad(t, fmt.Sprintf("f%dx", slices.IndexFunc(faults, func(other fault) bool { return other.name == f.name })), replicas...)
	names := []string{"app1", "app2"}
	if f.cuts {
		names = names[1:]
	}
	pause(before)
	rewinds := c.rewinds(t, other)
	begin := time.Now()
	f.inject(t, c, primary, standby, other)
	var promoted time.Time
	promotedAfter, gap := "-", "-"
	if f.promotes {
		await(t, 60*time.Second, "promotion", func(context.Context) error {
			var name string
			if name, promoted = m.promotion(begin); promoted.IsZero() {
				return errors.New("none")
			}
			if name != standby {
				t.Errorf("%s was promoted, want %s, the synchronous standby", name, standby)
			}
			return nil
		})
		promotedAfter = seconds(promoted.Sub(begin))
		await(t, 60*time.Second, "write after the promotion", func(context.Context) error {
			for _, name := range names {
				if l.firstAck(promoted, name).IsZero() {
					return fmt.Errorf("none at %s", name)
				}
			}
			return nil
		})
		var worst time.Duration
		for _, name := range names {
			worst = max(worst, l.firstAck(promoted, name).Sub(promoted))
		}
		gap = seconds(worst)
		most := limit
		if c.rewinds(t, other) > rewinds {
			gap, most = gap+" (rewound)", rewindLimit
		}
		if !*full {
			most *= 2 // other tests may use the machine too
		}
		if worst > most {
			t.Errorf("no write for %v after the promotion, want at most %v", worst, most)
		}
		pause(after)
	} else {
		pause(lasts)
	}
	var silence time.Duration
	for _, name := range names {
		silence = max(silence, l.silence(begin, name))
	}
	if f.heal != nil {
		f.heal(t, c, primary, standby, other)
	}
	for _, r := range replicas {
		r.awaitReady(t, 60*time.Second)
	}
	pause(last)
	l.stop()
	lost := c.lost(t, l)
	l.checkAccounts(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(lost) > 0 {
		t.Errorf("%d acknowledged writes are lost: %v", len(lost), lost[:min(5, len(lost))])
	}
	if len(l.signedOut) > 0 {
		t.Errorf("signed out: %v", l.signedOut)
	}
	for _, w := range l.accepted {
		t.Errorf("%s accepted a session %v after its end was acknowledged, %v after the fault, %v after the promotion",
			w.replica, w.lateness, w.at.Sub(begin), w.at.Sub(promoted))
	}
	if len(l.ended) == 0 || len(l.signups) == 0 || l.refreshes == 0 {
		t.Errorf("%d revocations, %d sign-ups and %d refreshes were acknowledged, so the test checked nothing", len(l.ended), len(l.signups), l.refreshes)
	}
	for answer, n := range l.surprises {
		t.Errorf("%d answers %s", n, answer)
	}
	t.Logf("%d requests, %d failed", l.requests.Load(), l.failed.Load())
	return fmt.Sprintf(" %d | %d | %s | %s | %s | %d | %d |",
		len(l.acks), len(lost), promotedAfter, gap, seconds(silence), len(l.accepted), len(l.signedOut))
}

// checkAccounts refreshes the session of each account. None may have ended.
func (l *load) checkAccounts(t *testing.T) {
	t.Helper()
	for i, a := range l.accounts {
		var err error
		await(t, 30*time.Second, "answer to "+a.name, func(ctx context.Context) error {
			var data struct{ Refresh signIn }
			err = l.replicas[i%len(l.replicas)].call(ctx, "", `mutation ($input: RefreshInput!) { refresh(input: $input) { `+tokens+` } }`,
				map[string]string{"refreshToken": a.refresh}, &data)
			var answer answerError
			if err != nil && (!errors.As(err, &answer) || answer.Extensions.Code == "SERVICE_UNAVAILABLE") {
				return err // which says nothing about the session
			}
			return nil
		})
		if err != nil && !slices.Contains(l.signedOut, a.name) {
			t.Errorf("%s: %v", a.name, err)
			l.signedOut = append(l.signedOut, a.name)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// pause lets the load run, for half of the time if the tests are to be short.
func pause(d time.Duration) {
	if !*full {
		d /= 2
	}
	time.Sleep(d) //nolint:forbidigo // The load of this time is what the tests measure.
}
