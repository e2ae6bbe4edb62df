package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

const image = "postgres:" + version + "-alpine"

// runContainer runs the image $2 as the container $1 until standard input ends. The remaining arguments are
// options of the server.
const runContainer = `
trap : HUP INT TERM
name=$1 image=$2
shift 2
docker run --detach --rm --name "$name" --env POSTGRES_PASSWORD --publish 127.0.0.1::5432 "$image" "$@" >/dev/null &&
	{ docker logs --follow "$name" & }
exec 2>/dev/null
read -r _
docker rm --force --volumes "$name"
`

// dockerRuns returns an error if Docker is not installed or its daemon does not answer.
func dockerRuns(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "docker", "version").CombinedOutput(); err != nil {
		return fmt.Errorf("docker: %w\n%s", err, out)
	}
	return nil
}

func startContainer(ctx context.Context, options []string) (*Server, error) {
	run, password := newRun(), rand.Text()
	script := exec.Command("sh", append([]string{"-c", runContainer, "pgtest", run, image}, options...)...)
	script.SysProcAttr = detached()
	script.Env = append(os.Environ(), "POSTGRES_PASSWORD="+password)
	// The image starts its server twice: first to set it up, unreachable from outside, and then to run.
	stop, err := supervise(ctx, script, 2)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "docker", "port", run, "5432/tcp").Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("docker port: %w", err), stop())
	}
	admin := url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", password),
		Host: strings.TrimSpace(string(out)), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return open(ctx, admin, run, stop)
}
