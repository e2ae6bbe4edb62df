package pgtest

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// runCluster makes a cluster in the folder $1 with the programs in $2 and serves it, with the
// arguments from the fourth on as options, until standard input ends. If there is a cluster in the
// folder $3, the new one is a standby and begins as its copy. Else, unless $3 is empty, the new one
// leaves a copy of itself there.
//
// A shell starts a background process with SIGQUIT ignored, so the immediate shutdown is lost on a
// server that has not set up its signals yet. SIGTERM before it covers that moment.
const runCluster = `
trap : HUP INT TERM
folder=$1 programs=$2 copy=$3
shift 3
mkdir -m 0700 "$folder" || exit
make() {
	if [ -d "$copy" ]
	then
		cp -R "$copy" "$folder/data" && : >"$folder/data/standby.signal"
	else
		"$programs/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null &&
			{ [ -z "$copy" ] || cp -R "$folder/data" "$copy"; }
	fi
}
if make
then
	"$programs/postgres" -D "$folder/data" -k "$folder" -p 5432 -c listen_addresses= "$@" >/dev/null &
	exec 2>/dev/null
	read -r _
	kill -TERM $!
	kill -QUIT $!
	wait $!
fi
rm -rf "$folder"
`

// programDirs are the folders, as patterns, where PostgreSQL is installed outside of the PATH.
var programDirs = []string{
	"/usr/lib/postgresql/*/bin",                       // Debian
	"/usr/pgsql-*/bin",                                // Red Hat
	"/opt/homebrew/opt/postgresql@*/bin",              // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",                 // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin", // Homebrew on Linux
}

// localPrograms returns the folder of this machine's PostgreSQL server programs.
func localPrograms(ctx context.Context) (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Homebrew and others put links into the PATH, not always to every program.
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil && hasPrograms(filepath.Dir(initdb)) {
			return filepath.Dir(initdb), nil
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		if dir := strings.TrimSpace(string(out)); hasPrograms(dir) {
			return dir, nil
		}
	}
	var dirs []string
	for _, pattern := range programDirs {
		found, _ := filepath.Glob(pattern) // fails only on a malformed pattern
		dirs = append(dirs, found...)
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !hasPrograms(dir) })
	if len(dirs) == 0 {
		return "", errors.New("no initdb and postgres in PATH, at pg_config --bindir or in the usual folders")
	}
	return slices.MaxFunc(dirs, func(a, b string) int { return cmp.Compare(major(a), major(b)) }), nil
}

func hasPrograms(dir string) bool {
	_, initdb := exec.LookPath(filepath.Join(dir, "initdb"))
	_, postgres := exec.LookPath(filepath.Join(dir, "postgres"))
	return initdb == nil && postgres == nil
}

// major returns the last number in a path, which is a version in all of programDirs.
func major(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return !unicode.IsDigit(r) })
	if len(digits) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(digits[len(digits)-1])
	return n
}

// rootFolder returns where to make a cluster. In memory, databases are created several times faster
// than on a busy disk, but there it means nothing to measure.
func rootFolder(inMemory bool) string {
	if folder, ok := memoryFolder(); ok && inMemory {
		return folder
	}
	// A socket's path is limited to 103 bytes on macOS, and root's temporary folder may be closed to
	// the user that the server runs as.
	if len(os.TempDir()) > 60 || os.Geteuid() == 0 {
		return "/tmp"
	}
	return os.TempDir()
}

func startCluster(ctx context.Context, programs, root string, options []string) (*Server, error) {
	run := newRun()
	return runClusterIn(ctx, run, filepath.Join(root, run), programs, "", options)
}

func runClusterIn(ctx context.Context, run, folder, programs, copied string, options []string) (*Server, error) {
	script, err := clusterScript(folder, programs, copied, options)
	if err != nil {
		return nil, err
	}
	stop, err := supervise(ctx, script, 1)
	if err != nil {
		return nil, err
	}
	admin := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{
		"host": {folder}, "port": {"5432"}, "sslmode": {"disable"},
	}.Encode()}
	return open(ctx, admin, run, stop)
}

func clusterScript(folder, programs, copied string, options []string) (*exec.Cmd, error) {
	attr, err := unprivileged()
	if err != nil {
		return nil, err
	}
	script := exec.Command("sh", append([]string{"-c", runCluster, "pgtest", folder, programs, copied}, options...)...)
	script.Dir = "/"
	script.SysProcAttr = attr
	// Without the PG… variables, which would change the server, and with English messages.
	script.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return script, nil
}
