package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// MailKind is the kind of a mail: the schema's MailKind.
type MailKind string

// The kinds of mails. The schema describes them.
const (
	MailVerifyEmail           MailKind = "VERIFY_EMAIL"
	MailResetPassword         MailKind = "RESET_PASSWORD"
	MailLoginCode             MailKind = "LOGIN_CODE"
	MailConfirmEmail          MailKind = "CONFIRM_EMAIL"
	MailEmailChanged          MailKind = "EMAIL_CHANGED"
	MailPasswordChanged       MailKind = "PASSWORD_CHANGED"
	MailFactorAdded           MailKind = "FACTOR_ADDED"
	MailFactorRemoved         MailKind = "FACTOR_REMOVED"
	MailIdentityLinked        MailKind = "IDENTITY_LINKED"
	MailIdentityUnlinked      MailKind = "IDENTITY_UNLINKED"
	MailRecoveryCodeUsed      MailKind = "RECOVERY_CODE_USED"
	MailRecoveryCodesReplaced MailKind = "RECOVERY_CODES_REPLACED"
	MailSignUp                MailKind = "SIGN_UP"
	MailSignUpExisting        MailKind = "SIGN_UP_EXISTING"
	MailInvitation            MailKind = "INVITATION"
	MailAccountDeletion       MailKind = "ACCOUNT_DELETION"
	MailAccountDeleted        MailKind = "ACCOUNT_DELETED"
)

// MailState is the state of a mail: the schema's MailState.
type MailState string

// The states. The schema describes them.
const (
	MailQueued  MailState = "QUEUED"
	MailSent    MailState = "SENT"
	MailFailed  MailState = "FAILED"
	MailExpired MailState = "EXPIRED"
	MailDropped MailState = "DROPPED"
)

// MailKinds and MailStates list all of them.
var (
	MailKinds = []MailKind{
		MailVerifyEmail, MailResetPassword, MailLoginCode, MailConfirmEmail, MailEmailChanged, MailPasswordChanged,
		MailFactorAdded, MailFactorRemoved, MailIdentityLinked, MailIdentityUnlinked, MailRecoveryCodeUsed, MailRecoveryCodesReplaced,
		MailSignUp, MailSignUpExisting, MailInvitation, MailAccountDeletion, MailAccountDeleted,
	}
	MailStates = []MailState{MailQueued, MailSent, MailFailed, MailExpired, MailDropped}
)

// MailMessage is a mail that is to be sent or was sent.
type MailMessage struct {
	// ID makes the Message-ID, so the mail is the same whenever it is sent.
	ID    uuid.UUID
	Kind  MailKind
	State MailState
	// UserID is the user that the mail is about; nil for none. The user may be deleted.
	UserID *uuid.UUID
	// Recipient is the address, and RecipientKey its canonical form; nil until the mail is prepared, and for a
	// request that leads to no mail.
	Recipient, RecipientKey *string
	// Asker is the network that has caused a notice to an address that nobody has verified; nil for all other mails.
	// Releases before rate limits in the schema also set it for requests.
	Asker *string
	// Prepared says that Content is that of the mail. Before, it is that of the request.
	Prepared bool
	// Content is sealed; nil once it is not needed.
	Content []byte
	// Attempts counts how often a server has claimed the mail.
	Attempts int
	// NextAttemptAt is when a server may claim the mail.
	NextAttemptAt time.Time
	// LastError is why the last attempt has failed: a step and the SMTP server's reply.
	LastError *string
	CreatedAt time.Time
	SentAt    *time.Time
	ExpiresAt time.Time

	// User is the user with UserID; nil when they were deleted. Store.Mails does not set it.
	User *User
}

// NextAttempt returns when a server tries to send the mail next; nil unless it is queued.
func (m *MailMessage) NextAttempt() *time.Time {
	if m.State != MailQueued {
		return nil
	}
	return &m.NextAttemptAt
}

// MailQuery selects a page of mails. Zero filters match every mail.
type MailQuery struct {
	ID     *uuid.UUID
	UserID *uuid.UUID
	State  MailState
	// Current asks for the present state. Otherwise the answer may be a little old.
	Current bool
	// Page has the ids of mails as positions.
	Page[uuid.UUID]
}

// MailMessageStore keeps mails.
type MailMessageStore interface {
	// AddMail writes a mail.
	AddMail(ctx context.Context, m *MailMessage) error
	// UpdateMail changes a mail that still has a state and a number of attempts, and reports whether it did. The times of
	// its creation and its asker never change. Of many at once, one does.
	UpdateMail(ctx context.Context, m *MailMessage, state MailState, attempts int) (bool, error)
	// DueMails lists up to limit queued mails that may be claimed, those that wait the longest first.
	DueMails(ctx context.Context, now time.Time, limit int) ([]MailMessage, error)
	// ResealMail replaces the encrypted content of a mail. It reports false if that is no longer from.
	ResealMail(ctx context.Context, id uuid.UUID, from, to []byte) (bool, error)
	// Mails lists the mails that match a query, the newest first.
	Mails(ctx context.Context, q MailQuery) ([]MailMessage, error)
	// CountMailsAsked counts the mails that a network has asked for since a time.
	CountMailsAsked(ctx context.Context, asker string, since time.Time) (int, error)
	// CountMailsTo counts the mails of a kind to a recipient since a time.
	CountMailsTo(ctx context.Context, recipientKey string, kind MailKind, since time.Time) (int, error)
	// MailBacklog returns the state of the queue.
	MailBacklog(ctx context.Context) (MailBacklog, error)
}

// MailBacklog is the state of the queue of mails.
type MailBacklog struct {
	// Queued and Failed are the numbers of mails in these states, of each at most 10,000.
	Queued, Failed int
	// FirstDue is when the next attempt of a queued mail is due, and Oldest when the oldest queued mail was written; nil for
	// none.
	FirstDue, Oldest *time.Time
}
