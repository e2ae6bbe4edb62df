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

// runCluster creates a cluster in the folder $1 with the programs in $2, and runs it until standard input
// ends. $4 and later arguments are options of the server. If the folder $3 contains a cluster, the new one
// is a standby and starts as its copy. Otherwise, unless $3 is empty, the script copies the new cluster to $3.
//
// A shell starts background processes with SIGQUIT ignored. A server that has not installed its signal
// handlers yet ignores the immediate shutdown, so the script sends SIGTERM first.
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

// programDirs are patterns of the folders of PostgreSQL installations outside of the PATH.
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
		// Homebrew and others put links into the PATH, but not always to every program.
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
		return "", errors.New("cannot find initdb and postgres in PATH, pg_config --bindir or the usual folders")
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

// rootFolder returns the folder for clusters. Databases are created several times faster in memory than on a
// busy disk, but measurements there mean nothing.
func rootFolder(inMemory bool) string {
	if folder, ok := memoryFolder(); ok && inMemory {
		return folder
	}
	// The path of a socket is limited to 103 bytes on macOS. Root's temporary folder may be inaccessible to
	// the server's user.
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
	// The environment has no PG… variables, which would affect the server. LC_ALL=C makes messages English.
	script.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return script, nil
}
