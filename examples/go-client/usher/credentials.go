package usher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Credentials are what a client keeps of a sign-in.
type Credentials struct {
	// Server is the only address that the tokens may go to, such as https://auth.example.com.
	Server       string `json:"server"`
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	// DeviceToken marks this device as known to the account. It is kept after a sign-out, for the next login.
	DeviceToken string `json:"deviceToken"`
}

// File is the path of a file with credentials, which only its owner can read.
type File string

// Load returns the credentials, or [ErrSignedOut] if nobody is signed in.
func (f File) Load() (Credentials, error) {
	c, err := f.read()
	if err == nil && c.RefreshToken == "" {
		return Credentials{}, ErrSignedOut
	}
	return c, err
}

// DeviceToken returns the device token from the last sign-in at a server; empty for none.
func (f File) DeviceToken(server string) (string, error) {
	c, err := f.read()
	if err != nil || c.Server != server {
		return "", err
	}
	return c.DeviceToken, nil
}

// read returns the zero Credentials if there is no file.
func (f File) read() (Credentials, error) {
	raw, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, err
	}
	var c Credentials
	if err := json.Unmarshal(raw, &c); err != nil {
		return Credentials{}, fmt.Errorf("%s: %w", f, err)
	}
	return c, nil
}

// Save replaces the credentials atomically: a concurrent Load returns the old ones or the new ones.
func (f File) Save(c Credentials) error {
	dir := filepath.Dir(string(f))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".credentials-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(raw)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), string(f))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(temporary.Name()))
	}
	return err
}

// SignOut deletes the credentials, except for the device token. It succeeds even if nobody is signed in.
func (f File) SignOut() error {
	c, err := f.read()
	if err == nil && c.DeviceToken != "" {
		return f.Save(Credentials{Server: c.Server, DeviceToken: c.DeviceToken})
	}
	if err := os.Remove(string(f)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
