package config

import (
	"errors"
	"net"
)

// Admin are the settings of the operator's listener. They are part of Server.
type Admin struct {
	AdminListen string `environ:"USHER_ADMIN_LISTEN" placeholder:"ADDRESS" example:"127.0.0.1:9090" help:"Address and port of a second listener for the operator, with /metrics for Prometheus and /healthz. It has no authentication, so only the monitoring should reach it. Without it there are no metrics. See docs/metrics.md."`
	Pprof       bool   `environ:"USHER_PPROF" help:"Serve profiles of the running program at /debug/pprof/ of --admin-listen. They show parts of its memory."`
}

// Validate reports every invalid setting.
func (a *Admin) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(a.AdminListen); err != nil && a.AdminListen != "" {
		errs = append(errs, errors.New("--admin-listen: must be ADDRESS:PORT, such as 127.0.0.1:9090"))
	}
	if a.Pprof && a.AdminListen == "" {
		errs = append(errs, errors.New("--admin-listen: required with --pprof"))
	}
	return errors.Join(errs...)
}

// Warnings returns a warning for each setting that is valid but unsafe.
func (a *Admin) Warnings() []string {
	host, _, err := net.SplitHostPort(a.AdminListen)
	switch {
	case err != nil || isLoopback(host):
		return nil
	case a.Pprof:
		return []string{"--admin-listen listens on an address that other machines can reach: they can read metrics, and profiles because of --pprof"}
	}
	return []string{"--admin-listen listens on an address that other machines can reach: they can read metrics"}
}
