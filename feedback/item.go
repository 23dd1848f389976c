package feedback

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/ticket"
)

// Kind is what sort of word it is.
type Kind string

// The kinds.
const (
	CSAT      Kind = "csat" // 1 to 5
	NPS       Kind = "nps"  // 0 to 10
	Complaint Kind = "complaint"
	Idea      Kind = "idea"
	Bug       Kind = "bug"
)

// Kinds are all of them.
var Kinds = []Kind{CSAT, NPS, Complaint, Idea, Bug}

// Sources are where items come from.
var Sources = []string{"chat", "call", "ticket", "page", "api"}

// Item is one word of a customer about us.
type Item struct {
	ID        int64     `json:"id"`
	Kind      Kind      `json:"kind" enum:"csat,nps,complaint,idea,bug"`
	Source    string    `json:"source" enum:"chat,call,ticket,page,api"`
	Reason    string    `json:"reason,omitempty" doc:"the contact that it is about: conversation:12, call:ID, ticket:1001"`
	Origin    string    `json:"-"`
	Score     *int      `json:"score,omitempty" doc:"csat 1 to 5, nps 0 to 10"`
	Text      string    `json:"text"`
	Chips     []string  `json:"chips" doc:"reasons that the customer chose"`
	Topics    []string  `json:"topics" doc:"found in the words"`
	Sentiment float32   `json:"sentiment" doc:"-1 to 1"`
	Complaint float32   `json:"complaint" doc:"probability that it is one"`
	Model     string    `json:"model,omitempty" doc:"that judged it"`
	Language  string    `json:"language,omitempty"`
	Contact   int64     `json:"contact,omitempty"`
	Name      string    `json:"contact_name,omitempty"`
	Agent     int64     `json:"agent,omitempty" doc:"user who had the contact"`
	Case      CaseID    `json:"case,omitempty"`
	At        time.Time `json:"at"`
}

// What feedback refuses; wrong values are *ticket.InvalidError.
var (
	// ErrMove: a case does not go there from where it is.
	ErrMove = errors.New("the case does not go there from its state")
	// ErrStale: somebody was faster.
	ErrStale = errors.New("the case was changed meanwhile")
	// ErrAsked: the customer has been asked already.
	ErrAsked = errors.New("the customer was asked that already")
	// ErrLate: the time in which a contact can be rated is over.
	ErrLate = errors.New("the time for rating this contact is over")
)

func invalid(field, text string) error { return &ticket.InvalidError{Field: field, Text: text} }

const (
	maxText  = 20_000
	maxChips = 10
)

// check brings an item into form and tells what is wrong with it.
func (f *Item) check() error {
	f.Text = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(f.Text, ""), "\x00", ""))
	switch {
	case !slices.Contains(Kinds, f.Kind):
		return invalid("kind", "there is no such kind")
	case !slices.Contains(Sources, f.Source):
		return invalid("source", "there is no such source")
	case (f.Kind == CSAT || f.Kind == NPS) != (f.Score != nil):
		return invalid("score", "csat and nps have a score, other kinds have none")
	case f.Kind == CSAT && (*f.Score < 1 || *f.Score > 5):
		return invalid("score", "1 to 5")
	case f.Kind == NPS && (*f.Score < 0 || *f.Score > 10):
		return invalid("score", "0 to 10")
	case f.Score == nil && f.Text == "":
		return invalid("text", "it needs words")
	case utf8.RuneCountInString(f.Text) > maxText:
		return invalid("text", "at most 20000 characters")
	case len(f.Chips) > maxChips:
		return invalid("chips", "at most 10")
	case len(f.Origin) == 0 || len(f.Origin) > 200 || len(f.Reason) > 200:
		return invalid("reason", "at most 200 bytes")
	}
	chips := make([]string, 0, len(f.Chips))
	for _, c := range f.Chips {
		if c = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(c, ""), "\x00", "")); c == "" || utf8.RuneCountInString(c) > 60 {
			return invalid("chips", "each has 1 to 60 characters")
		}
		chips = append(chips, c)
	}
	f.Chips = chips
	return nil
}
