package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"usher/internal/check"
	"usher/internal/config"
)

// Host is what the checks read of this machine.
type Host struct {
	// Free returns the free space of a folder's file system in bytes; ok is false where the system does not tell.
	Free func(folder string) (bytes uint64, ok bool)
	// OpenFiles is the limit on open files of this process; 0 if unknown.
	OpenFiles uint64
	// Processors is how many threads run Go code, and Limit is how many processors the cgroup allows; 0 for no limit.
	Processors int
	Limit      float64
}

func thisHost() *Host {
	return &Host{Free: free, OpenFiles: openFileLimit(), Processors: runtime.GOMAXPROCS(0), Limit: cgroupLimit("/sys/fs/cgroup/cpu.max")}
}

// cgroupLimit reads a limit of cgroup v2: "QUOTA PERIOD" in microseconds, or "max PERIOD".
func cgroupLimit(file string) float64 {
	text, err := os.ReadFile(file)
	fields := strings.Fields(string(text))
	if err != nil || len(fields) != 2 {
		return 0
	}
	quota, err1 := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	if err1 != nil || err2 != nil || period <= 0 {
		return 0
	}
	return quota / period
}

func (i *inspector) documents(ctx context.Context) []check.Result {
	if i.settings.TrustedDocuments == "" {
		return check.Good("no manifest of trusted documents")
	}
	s := Settings{Server: i.settings.Server}
	documents, err := trustedDocuments(ctx, s, quiet)
	if err != nil {
		return check.Fail("Generate the manifest again for this schema.", "%v", err)
	}
	return check.Good("%d trusted documents, with those of the console if it is served", documents.Len())
}

// oldBreaches is the age above which a list lacks many passwords.
const oldBreaches = 365 * 24 * time.Hour

func (i *inspector) breaches(context.Context) []check.Result {
	file := i.settings.BreachesFile
	if file == "" {
		return check.Good("no file; the built-in list of common passwords is used")
	}
	list, err := openBreaches(i.settings.Breaches, nil, quiet)
	if err != nil {
		return check.Fail("Build the file again with usher breaches build.", "%v", err)
	}
	defer func() { _ = list.Close() }()
	info, err := os.Stat(file)
	if err != nil {
		return check.Fail("", "%v", err)
	}
	age := i.options.Now().Sub(info.ModTime())
	days := int(age / (24 * time.Hour))
	if age > oldBreaches {
		return check.Warn("Download a newer list and run usher breaches build.", "%s is %d days old", file, days)
	}
	return check.Good("%s opens, and is %d days old", file, days)
}

// modes checks who can read the files of the server. config.Server.Warnings names the files of settings.
func (i *inspector) modes(context.Context) []check.Result {
	if runtime.GOOS == "windows" {
		return check.Good("not checked on Windows")
	}
	var results []check.Result
	open := func(path string, mode fs.FileMode) {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			results = append(results, check.Warn("Run chmod "+strconv.FormatUint(uint64(mode), 8)+" "+path+".",
				"other users of this machine can access %s (mode %#o)", path, info.Mode().Perm())...)
		}
	}
	if s := &i.settings; s.Dev && s.SecretKeyFile == "" {
		open(config.DevFolder, 0o700)
	}
	if i.settings.URL.IsSQLite() {
		path, _ := i.settings.URL.File()
		if folder := filepath.Dir(path); folder != "." { // the working directory has other files too
			open(folder, 0o700)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			open(path+suffix, 0o600)
		}
	}
	if results == nil {
		return check.Good("only this user can access the files of the server")
	}
	return results
}

// littleSpace is enough for some days of a busy server. SQLite needs space even to delete.
const littleSpace = 1 << 30

func (i *inspector) disk(context.Context) []check.Result {
	if !i.settings.URL.IsSQLite() {
		return check.Good("not needed: the database is elsewhere")
	}
	path, _ := i.settings.URL.File()
	folder := filepath.Dir(path)
	for _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder); _, err = os.Stat(folder) {
		folder = filepath.Dir(folder) // in which it is created
	}
	bytes, ok := i.options.Host.Free(folder)
	const mib = 1 << 20
	switch {
	case !ok:
		return check.Good("unknown for %s", folder)
	case bytes < littleSpace/10:
		return check.Fail("Free some space, or move the database.", "%d MiB are free at %s", bytes/mib, folder)
	case bytes < littleSpace:
		return check.Warn("Free some space, or move the database.", "%d MiB are free at %s", bytes/mib, folder)
	}
	return check.Good("%d MiB are free at %s", bytes/mib, folder)
}

// fewFiles is the limit below which check warns. It is enough for a thousand clients and the connections to the database.
const fewFiles = 4096

func (i *inspector) openFiles(context.Context) []check.Result {
	switch n := i.options.Host.OpenFiles; {
	case n == 0:
		return check.Good("the limit is unknown on this system")
	case n < fewFiles:
		return check.Warn("Raise it to 65536 with LimitNOFILE= of systemd or ulimit -n: each client takes one.", "the limit is %d", n)
	default:
		return check.Good("the limit is %d", n)
	}
}

func (i *inspector) processors(context.Context) []check.Result {
	h := i.options.Host
	switch {
	case h.Limit > 0 && float64(h.Processors) >= h.Limit+1:
		return check.Warn("Unset GOMAXPROCS: Go then follows the limit. Otherwise requests stop until the next period.",
			"GOMAXPROCS is %d, and the cgroup allows %.1f processors", h.Processors, h.Limit)
	case h.Limit > 0:
		return check.Good("GOMAXPROCS is %d, and the cgroup allows %.1f processors", h.Processors, h.Limit)
	}
	return check.Good("GOMAXPROCS is %d, and the cgroup has no limit", h.Processors)
}
