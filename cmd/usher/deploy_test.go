package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"usher/internal/config"
)

// compose is what these tests read of deploy/compose.yaml.
type compose struct {
	Services map[string]struct {
		Image           string
		Environment     map[string]string
		Command         []string
		ReadOnly        bool     `yaml:"read_only"`
		CapDrop         []string `yaml:"cap_drop"`
		SecurityOpt     []string `yaml:"security_opt"`
		PidsLimit       int      `yaml:"pids_limit"`
		StopGracePeriod string   `yaml:"stop_grace_period"`
		Secrets         []string
		Networks        any
		Healthcheck     struct{ Test []string }
	}
	Networks map[string]struct {
		Internal bool
		Ipam     struct{ Config []struct{ Subnet string } }
	}
	Secrets map[string]any
}

// TestCompose reads deploy/compose.yaml with the program's own settings.
func TestCompose(t *testing.T) {
	t.Parallel()
	var c compose
	readYAML(t, "compose.yaml", &c)
	for name, s := range c.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s may write to its image, or has rights that it does not need", name)
		}
		if s.PidsLimit <= 0 {
			t.Errorf("%s may start any number of processes", name)
		}
		if !regexp.MustCompile(`:[0-9]|\$\{USHER_IMAGE`).MatchString(s.Image) {
			t.Errorf("%s: the image %s has no version", name, s.Image)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret] == nil {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
	}
	for _, name := range []string{"usher-a", "usher-b", "migrate"} {
		s := c.Services[name]
		if name == "migrate" {
			parse(t, s.Environment, s.Command)
			continue
		}
		server := parse(t, s.Environment, append(s.Command, "serve")).Serve
		checkServer(t, &server, "/run/secrets/"+s.Secrets[0])
		grace, err := time.ParseDuration(s.StopGracePeriod)
		if err != nil || grace <= stopTime(&server) {
			t.Errorf("%s: stop_grace_period is %q, and stopping takes %v", name, s.StopGracePeriod, stopTime(&server))
		}
		if probe := s.Healthcheck.Test; probe[0] != "CMD" {
			t.Errorf("%s: the health check needs a shell", name)
		} else {
			parse(t, s.Environment, probe[2:])
		}
		proxy, _ := c.Services["proxy"].Networks.(map[string]any)["front"].(map[string]any)["ipv4_address"].(string)
		if len(server.TrustedProxies) != 1 || server.TrustedProxies[0].String() != proxy+"/32" {
			t.Errorf("%s trusts %v, want the address of the proxy, %s", name, server.TrustedProxies, proxy)
		}
	}
	// The role that the image creates is a superuser, which can run programs on the machine of the database.
	if user := c.Services["postgres"].Environment["POSTGRES_USER"]; user == "usher" {
		t.Error("the role of Usher is a superuser")
	}
	if sql := string(readDeploy(t, "postgres.sql")); !strings.Contains(sql, "\nCREATE ROLE usher LOGIN PASSWORD :'password';\nCREATE DATABASE usher OWNER usher;\n") {
		t.Error("postgres.sql does not create the role and the database")
	}
	if !c.Networks["back"].Internal {
		t.Error("the database can be reached from outside")
	}
}

// TestCaddyfile checks that Caddy sets or removes each header that Usher trusts from its proxy.
func TestCaddyfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"X-Request-ID {http.request.uuid}", "-Traceparent", "-Tracestate"} { // X-Forwarded-For by itself
		if !strings.Contains(string(text), "\theader_up "+header+"\n") {
			t.Errorf("no header_up %s", header)
		}
	}
}

// TestKubernetes reads deploy/kubernetes with the program's own settings.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	for _, folder := range []string{"base", "example"} {
		var k struct {
			ConfigMapGenerator []struct{ Literals []string } `yaml:"configMapGenerator"`
		}
		readYAML(t, "kubernetes/"+folder+"/kustomization.yaml", &k)
		for _, literal := range k.ConfigMapGenerator[0].Literals {
			name, value, _ := strings.Cut(literal, "=")
			env[name] = value
		}
	}
	type probe struct {
		HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
		PeriodSeconds    int                         `yaml:"periodSeconds"`
		FailureThreshold int                         `yaml:"failureThreshold"`
	}
	type workload struct {
		Spec struct {
			Replicas int
			Template struct {
				Spec struct {
					TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
					Containers                    []struct {
						Args  []string
						Env   []struct{ Name string }
						Ports []struct {
							Name          string
							ContainerPort int `yaml:"containerPort"`
						}
						StartupProbe   probe `yaml:"startupProbe"`
						LivenessProbe  probe `yaml:"livenessProbe"`
						ReadinessProbe probe `yaml:"readinessProbe"`
						VolumeMounts   []struct {
							MountPath string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					}
				}
			}
		}
	}
	var job, deployment workload
	readYAML(t, "kubernetes/base/migrate.yaml", &job)
	readYAML(t, "kubernetes/base/deployment.yaml", &deployment)
	parse(t, env, job.Spec.Template.Spec.Containers[0].Args)
	pod := deployment.Spec.Template.Spec
	container := pod.Containers[0]
	server := parse(t, env, container.Args).Serve
	checkServer(t, &server, container.VolumeMounts[0].MountPath+"/secret-key")
	if server.OTELPropagators != "none" {
		t.Error("the ingress controller passes on the traceparent of clients, and the server trusts it")
	}
	if deployment.Spec.Replicas < 2 {
		t.Errorf("%d replicas", deployment.Spec.Replicas)
	}
	if grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second; grace <= stopTime(&server) {
		t.Errorf("terminationGracePeriodSeconds is %v, and stopping takes %v", grace, stopTime(&server))
	}
	if port := container.Ports[0]; server.Listen != ":"+strconv.Itoa(port.ContainerPort) || port.Name != "http" {
		t.Errorf("the server listens on %s, and the port is %+v", server.Listen, port)
	}
	for path, p := range map[string]probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if p.HTTPGet.Path != path || p.HTTPGet.Port != "http" {
			t.Errorf("a probe of %s asks %+v", path, p.HTTPGet)
		}
	}
	if p := container.StartupProbe; time.Duration(p.PeriodSeconds*p.FailureThreshold)*time.Second < server.Wait+30*time.Second {
		t.Errorf("the startup probe %+v does not wait for the database, which may take %v", p, server.Wait)
	}
	if len(server.TrustedProxies) == 0 {
		t.Error("the server trusts no proxy")
	}
}

// TestUnit reads deploy/systemd/usher.service with the program's own settings.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := map[string][]string{}
	for line := range strings.Lines(string(readDeploy(t, "systemd/usher.service"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			unit[name] = append(unit[name], value)
		}
	}
	env := map[string]string{"USHER_ISSUER": "https://auth.example.com"}
	for _, setting := range unit["Environment"] {
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
	}
	server := parse(t, env, strings.Fields(unit["ExecStart"][0])[1:]).Serve
	credential, _, _ := strings.Cut(unit["LoadCredential"][0], ":")
	checkServer(t, &server, "%d/"+credential)
	if grace, err := time.ParseDuration(unit["TimeoutStopSec"][0]); err != nil || grace <= stopTime(&server) {
		t.Errorf("TimeoutStopSec is %v, and stopping takes %v", grace, stopTime(&server))
	}
}

// TestDockerfile reads the settings and commands of the Dockerfile.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := string(readDeploy(t, "../Dockerfile"))
	env := map[string]string{"USHER_ISSUER": "https://auth.example.com", "USHER_SECRET_KEY": "7e2c3f0b9d1a48c6b5e4f3a2918d7c6b5e4f"}
	for _, m := range regexp.MustCompile(`(?m)^ENV (\w+)=(.*)$`).FindAllStringSubmatch(text, -1) {
		env[m[1]] = m[2]
	}
	commands := regexp.MustCompile(`CMD \[(.+)\]\n`).FindAllStringSubmatch(text, -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands, want the health check and the default", len(commands))
	}
	for _, m := range commands {
		args := strings.Split(strings.ReplaceAll(m[1], `"`, ""), ", ")
		if args[0] == "/usr/local/bin/usher" {
			args = args[1:]
		}
		parse(t, env, args)
	}
	server := parse(t, env, []string{"serve"}).Serve
	port := regexp.MustCompile(`(?m)^EXPOSE (\d+)$`).FindStringSubmatch(text)
	if port == nil || server.Listen != ":"+port[1] {
		t.Errorf("the server listens on %s, and EXPOSE is %v", server.Listen, port)
	}
	if server.URL != config.DefaultDatabase || !strings.Contains(text, "\nWORKDIR /var/lib/usher\nVOLUME /var/lib/usher/data\n") {
		t.Errorf("the database %s is not in the volume", server.URL)
	}
}

// checkServer checks the settings that every deployment must get right.
func checkServer(t *testing.T, s *serveCommand, secretFile string) {
	t.Helper()
	if s.SecretKeyFile != secretFile || !s.SecretKey.IsZero() {
		t.Errorf("the secret is read from %q, and is in %q", s.SecretKeyFile, secretFile)
	}
	if !strings.HasPrefix(s.Issuer, "https://") || s.Dev || s.Console {
		t.Errorf("the issuer is %s, --dev is %v, --console is %v", s.Issuer, s.Dev, s.Console)
	}
	if warnings := s.Warnings(); len(warnings) > 0 {
		t.Errorf("the server warns: %v", warnings)
	}
	if strings.Contains(strings.TrimPrefix(string(s.URL), "postgres://usher@"), "@") {
		t.Error("the URL of the database has a password")
	}
}

// stopTime returns how long a server may take to stop.
func stopTime(s *serveCommand) time.Duration { return *s.ShutdownDelay + s.ShutdownTimeout }

// parse parses a command line with environment variables. Each variable that begins with USHER_ must be a setting.
func parse(t *testing.T, settings map[string]string, args []string) *cli {
	t.Helper()
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines.WriteString(name + "='" + settings[name] + "'\n")
	}
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := config.ReadEnv(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	var commands cli
	parser, err := kong.New(&commands, kong.Vars{"version": "test"}, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatalf("usher %s: %v", strings.Join(args, " "), err)
	}
	return &commands
}

func readDeploy(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readYAML reads a file of deploy/, whose variables are set to an example. To this parser, a key that overrides a merged
// one is a duplicate.
func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text := regexp.MustCompile(`\$\{AUTH_HOST[^}]*\}`).ReplaceAll(readDeploy(t, name), []byte("auth.example.com"))
	if err := yaml.UnmarshalWithOptions(text, into, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
