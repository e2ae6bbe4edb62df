package mail

import (
	"context"
	"errors"
	"io"
	"net/textproto"
	"os"
	"strconv"
	"strings"
)

// Outcome says what is known of a mail that could not be sent, and so whether to send it again.
type Outcome string

// Outcomes.
const (
	// Temporary: the mail was not sent, and may be sent later.
	Temporary Outcome = "TEMPORARY"
	// Permanent: the mail was not sent, and the server would reject it again.
	Permanent Outcome = "PERMANENT"
	// Unknown: the connection was lost after the whole mail was transferred and before the server answered.
	// The mail may have been sent. A second one has the same Message-ID, by which many mail systems recognize it.
	Unknown Outcome = "UNKNOWN"
)

// Error is why a mail was not sent. Its text contains no secret and is one short line.
type Error struct {
	Outcome Outcome
	// Step is what was being done, such as "recipient".
	Step string
	// Code is the server's reply code (RFC 5321 §4.2), or 0 without a reply.
	Code int
	// Reason is the server's reply or the cause.
	Reason string

	context error // why the context ended, if that is the cause
}

func (e *Error) Error() string {
	text := e.Step + ": "
	if e.Code != 0 {
		text += strconv.Itoa(e.Code) + " "
	}
	return text + e.Reason
}

// Class names the error in a trace: by the reply code, or else by what was being done.
func (e *Error) Class() (name string, fault bool) {
	if e.Code != 0 {
		return strconv.Itoa(e.Code), true
	}
	return e.Step, true
}

// Unwrap returns context.Canceled or context.DeadlineExceeded if the caller's context has ended. It does not
// return the original error, which may quote a secret.
func (e *Error) Unwrap() error { return e.context }

// step is a phase of sending.
type step string

const (
	connecting     step = "connection"
	securing       step = "TLS"
	authenticating step = "authentication"
	naming         step = "sender"
	addressing     step = "recipient"
	announcing     step = "data"
	transferring   step = "transfer"
	finishing      step = "end of data"
)

// concernsMail reports whether an answer at this step is about the mail. Earlier answers are about the server,
// the credentials or the sender, and the same for all mails. An operator can correct these before the mails
// expire, so they are never permanent.
func (s step) concernsMail() bool {
	return s == addressing || s == announcing || s == transferring || s == finishing
}

func newError(ctx context.Context, at step, err error, secrets []string) *Error {
	e := &Error{Outcome: Temporary, Step: string(at), context: ctx.Err()}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code = reply.Code
		e.Reason = shorten(redact(clean(reply.Msg, 10*maxReply), secrets), maxReply)
		switch {
		case e.Code >= 500 && at.concernsMail():
			e.Outcome = Permanent
		case e.Code < 400 && at == finishing: // neither yes nor no
			e.Outcome = Unknown
		}
		return e
	}
	if at == finishing {
		e.Outcome = Unknown
	}
	switch {
	case e.context != nil:
		e.Reason = "cancelled"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		e.Reason = "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Reason = "the server closed the connection"
	default:
		e.Reason = shorten(redact(clean(err.Error(), 10*maxReply), secrets), maxReply)
	}
	return e
}

// refuse returns an error that is not an answer of the server.
func refuse(at step, outcome Outcome, reason ...string) *Error {
	return &Error{Outcome: outcome, Step: string(at), Reason: strings.Join(reason, "")}
}
