package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mode returns the permissions of a file in an archive, whatever they are on this machine.
func mode(name string) fs.FileMode {
	if strings.HasPrefix(name, "usher") && !strings.HasSuffix(name, ".service") {
		return 0o755
	}
	return 0o644
}

// writeTar writes files, which are paths by name, to a folder of a compressed archive. It records no owner.
func writeTar(to, folder string, files map[string]string, date time.Time) error {
	return create(to, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		archive := tar.NewWriter(z)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			content, err := os.ReadFile(files[name])
			if err != nil {
				return err
			}
			header := &tar.Header{
				Name: path.Join(folder, name), Mode: int64(mode(name)), Size: int64(len(content)), ModTime: date,
				Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if _, err := archive.Write(content); err != nil {
				return err
			}
		}
		return errors.Join(archive.Close(), z.Close())
	})
}

// writeZip is writeTar for Windows.
func writeZip(to, folder string, files map[string]string, date time.Time) error {
	return create(to, func(w io.Writer) error {
		archive := zip.NewWriter(w)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			content, err := os.ReadFile(files[name])
			if err != nil {
				return err
			}
			header := &zip.FileHeader{Name: path.Join(folder, name), Method: zip.Deflate, Modified: date}
			header.SetMode(mode(name))
			file, err := archive.CreateHeader(header)
			if err != nil {
				return err
			}
			if _, err := file.Write(content); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

func create(to string, write func(io.Writer) error) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// writeChecksums writes SHA256SUMS, which `sha256sum --check` reads.
func writeChecksums(folder string) error {
	entries, err := os.ReadDir(folder) // sorted
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(folder, "SHA256SUMS"), sums.Bytes(), 0o644) //nolint:gosec // everybody may read it, as the archives
}
