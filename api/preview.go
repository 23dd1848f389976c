package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/callout"
	"tingxin/contact"
	"tingxin/nlp"
	"tingxin/queue"
)

// PreviewView is who is to be called and why: of a call-back, or of an entry of a list of calls to make.
type PreviewView struct {
	Work     queue.WorkID      `json:"work"`
	Number   string            `json:"number"`
	Name     string            `json:"contact_name,omitempty"`
	Contact  int64             `json:"contact,omitempty"`
	Since    time.Time         `json:"since" doc:"when the customer asked for it, or the entry's turn came"`
	Tries    int               `json:"tries" doc:"that reached nobody"`
	Of       int               `json:"of,omitempty" doc:"tries at most, of an entry"`
	Outcome  string            `json:"outcome,omitempty" doc:"of the last try at an entry"`
	Said     []string          `json:"said" doc:"the customer's last words in the call from which it comes, or what they wrote"`
	Call     string            `json:"call,omitempty" doc:"that call"`
	List     int64             `json:"list,omitempty" doc:"the list of an entry, as the next ones"`
	ListName string            `json:"list_name,omitempty"`
	ListNote string            `json:"list_note,omitempty"`
	Mode     string            `json:"mode,omitempty" enum:"preview,progressive"`
	Entry    int64             `json:"entry,omitempty"`
	Note     string            `json:"note,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	Looks    bool              `json:"looks,omitempty" doc:"nothing rings: the agent calls, or skips it"`
}

// Words of a call that a preview shows.
const (
	previewWords  = 3
	previewLength = 300 // characters of each
)

// preview says who is to be called; nil for other work. What cannot be looked up now is left out: the call matters more.
func (s *Server) preview(ctx context.Context, it *queue.Item) *PreviewView {
	if it.Callback == nil {
		return nil
	}
	v := &PreviewView{Work: it.ID, Number: it.Callback.Number, Since: it.Since, Tries: it.Callback.Tries, Said: []string{}, Looks: it.Callback.Preview > 0}
	from := "call:" + string(it.ID) // a caller who gave up waiting
	if it.Callback.Entry != 0 {
		var e callout.Shown
		if err := json.Unmarshal(it.Data, &e); err != nil {
			s.log.Error("an entry's data is none", "work", it.ID, "error", err)
		}
		v.List, v.ListName, v.ListNote, v.Mode, v.Entry, v.Name, v.Note, v.Data, v.Contact = e.List, e.ListName, e.ListNote, string(e.Mode), e.Entry, e.Name, e.Note, e.Data, e.Contact
		v.Tries, v.Of, v.Outcome, from = e.Attempts, e.Of, e.Outcome, e.Source
	} else {
		var asked call.Asked
		if json.Unmarshal(it.Data, &asked) == nil {
			v.Note = asked.About
			v.Said = append(v.Said, asked.Said...)
		}
	}
	s.nameOf(ctx, v)
	if id, ok := strings.CutPrefix(from, "call:"); ok {
		s.wordsOf(ctx, v, id)
	}
	return v
}

// nameOf finds out whose number it is.
func (s *Server) nameOf(ctx context.Context, v *PreviewView) {
	if v.Contact == 0 {
		id, err := s.contacts.Find(ctx, contact.Key{Kind: contact.KindPhone, Value: v.Number})
		if err != nil {
			return
		}
		v.Contact = int64(id)
	}
	if v.Name == "" {
		if c, err := s.contacts.Get(ctx, contact.ID(v.Contact)); err == nil {
			v.Name = c.Name
		}
	}
}

// wordsOf adds what the customer last said in a call.
func (s *Server) wordsOf(ctx context.Context, v *PreviewView, id string) {
	words, err := s.parts.Calls.Utterances(ctx, id)
	if err != nil {
		return // there is no such call, or its words were deleted
	}
	v.Call = id
	said := []string{}
	for i := len(words) - 1; i >= 0 && len(said) < previewWords; i-- {
		u := &words[i]
		if u.Side == call.SideCaller && !u.Gap && u.Text != "" {
			said = append([]string{nlp.Clip(u.Text, previewLength)}, said...)
		}
	}
	v.Said = append(v.Said, said...)
}
