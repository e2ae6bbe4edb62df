package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM writes what a program consists of in the format of CycloneDX: the modules that Go has recorded in it, Go's
// standard library, and the npm packages of the console. The tools of CycloneDX for Go and of npm are not used,
// because they write the time and hashes of themselves.
func (r *release) writeSBOM(to, binary string) error {
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	components, err := modules(info)
	if err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(r.source, "web/package-lock.json"))
	if err != nil {
		return err
	}
	packages, err := packages(lock)
	if err != nil {
		return err
	}
	components = append(components, packages...)
	program := cdx.Component{
		BOMRef: "pkg:golang/usher@" + r.tag, Type: cdx.ComponentTypeApplication, Name: "usher", Version: r.tag,
		PackageURL: "pkg:golang/usher@" + r.tag,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(content))}},
		Properties: &[]cdx.Property{{Name: "usher:commit", Value: r.commit}},
	}
	uses := make([]string, 0, len(components))
	for _, c := range components {
		uses = append(uses, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.date.Format(time.RFC3339), Component: &program}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &uses}}
	return create(to, func(w io.Writer) error {
		return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	})
}

// modules returns the standard library and the modules of a program.
func modules(info *buildinfo.BuildInfo) ([]cdx.Component, error) {
	found := []cdx.Component{component("golang", "std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		c := component("golang", module.Path, module.Version)
		if err := setHash(&c, cdx.HashAlgoSHA256, strings.TrimPrefix(module.Sum, "h1:")); err != nil {
			return nil, fmt.Errorf("%s: %w", module.Path, err)
		}
		found = append(found, c)
	}
	return found, nil
}

// packages returns the packages of a lock file of npm that are not only for development.
func packages(lock []byte) ([]cdx.Component, error) {
	var file struct {
		LockfileVersion int
		Packages        map[string]struct {
			Version, Integrity, License string
			Dev, DevOptional, Link      bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, err
	}
	if file.LockfileVersion != 3 {
		return nil, fmt.Errorf("package-lock.json has version %d, not 3", file.LockfileVersion)
	}
	var found []cdx.Component
	for path, p := range file.Packages {
		_, name, installed := cutLast(path, "node_modules/")
		if !installed || p.Dev || p.DevOptional || p.Link { // a link is a folder of this repository
			continue
		}
		c := component("npm", name, p.Version)
		if err := setHash(&c, cdx.HashAlgoSHA512, strings.TrimPrefix(p.Integrity, "sha512-")); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if p.License != "" {
			c.Licenses = &cdx.Licenses{{Expression: p.License}}
		}
		found = append(found, c)
	}
	// A package can be installed in several places.
	slices.SortFunc(found, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	return slices.CompactFunc(found, func(a, b cdx.Component) bool { return a.BOMRef == b.BOMRef }), nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// component returns a library with its package URL. Of the name, each segment is escaped: the @ of a scope is %40.
func component(kind, name, version string) cdx.Component {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), "@", "%40")
	}
	at := fmt.Sprintf("pkg:%s/%s@%s", kind, strings.Join(segments, "/"), url.PathEscape(version))
	return cdx.Component{BOMRef: at, Type: cdx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: at, Scope: cdx.ScopeRequired}
}

// setHash sets the hash that a lock file has in base64.
func setHash(c *cdx.Component, algorithm cdx.HashAlgorithm, text string) error {
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sum) == 0 {
		return fmt.Errorf("the hash %q is not base64", text)
	}
	c.Hashes = &[]cdx.Hash{{Algorithm: algorithm, Value: hex.EncodeToString(sum)}}
	return nil
}
