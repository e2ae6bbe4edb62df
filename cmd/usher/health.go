package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"usher/internal/config"
)

// healthTimeout is shorter than the timeouts of what calls the command, such as the HEALTHCHECK of the Dockerfile.
const healthTimeout = 2 * time.Second

type healthCommand struct {
	config.Health

	Live bool `help:"Ask whether the process runs (/healthz), and not whether it is ready to serve requests (/readyz)."`
}

// Run asks the server and prints its answer.
func (c *healthCommand) Run(inv *invocation) error {
	base, err := c.Base()
	if err != nil {
		return err
	}
	at := base + "/readyz"
	if c.Live {
		at = base + "/healthz"
	}
	ctx, cancel := context.WithTimeout(inv.ctx, healthTimeout)
	defer cancel()
	status, err := ask(ctx, at)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer within %v", at, healthTimeout)
	case err != nil:
		return fmt.Errorf("%s: %w", at, err)
	case status != http.StatusOK:
		return fmt.Errorf("%s: %d %s", at, status, http.StatusText(status))
	}
	_, err = fmt.Fprintf(inv.stdout, "%s: %d %s\n", at, status, http.StatusText(status))
	return err
}

// ask returns the status of the answer to a GET. It uses no proxy of the environment and follows no redirect, because
// the answer must be that of the server itself.
func ask(ctx context.Context, at string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if failed := new(url.Error); errors.As(err, &failed) {
		return 0, failed.Err // without the method and the URL, which Run prints
	}
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
