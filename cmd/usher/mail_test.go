package main

import (
	"io"
	"log"
	"net"
	"os"
	"sync"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// mailbox starts an SMTP server on loopback until the script ends: `mailbox FILE`. It sets SMTP to its URL, writes
// the last mail to FILE, and rejects recipients at invalid.example.
func mailbox(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &inbox{file: ts.MkAbs(args[0])}, nil
	}))
	server.ErrorLog = log.New(io.Discard, "", 0)
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(listener) })
	ts.Defer(func() {
		_ = server.Close()
		group.Wait()
	})
	ts.Setenv("SMTP", "smtp://"+listener.Addr().String())
}

type inbox struct{ file string }

func (*inbox) Mail(string, *smtp.MailOptions) error { return nil }

func (*inbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == "nobody@invalid.example" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

func (i *inbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(i.file, text, 0o600)
}

func (*inbox) Reset() {}

func (*inbox) Logout() error { return nil }
