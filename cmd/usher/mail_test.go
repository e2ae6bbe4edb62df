package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"os"
	"strings"
	"sync"
	"time"

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

// awaitMail waits until a mail to an address is in a file of mailbox: `awaitmail FILE ADDRESS`. It sets MAILED to the token
// in the mail's link.
func awaitMail(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), "To: <"+args[1]+">") {
			plain, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(text)))
			ts.Check(err)
			if _, rest, ok := strings.Cut(string(plain), "#token="); ok {
				ts.Setenv("MAILED", rest[:strings.IndexAny(rest, "\r\n\" ")])
				return
			}
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no mail to %s has arrived", args[1])
		case <-time.After(10 * time.Millisecond):
		}
	}
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
