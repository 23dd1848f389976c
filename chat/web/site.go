package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"tingxin/chat"
	"tingxin/pg"
)

// Name is the channel's word.
const Name = "web"

// DefaultSite is there without any account: pages of this server may use it.
const DefaultSite = "default"

// Settings of a site, in its account.
type Settings struct {
	// Origins are pages that may use the chat, as https://shop.example; "*" is any. Pages of this server always may.
	Origins []string `json:"origins,omitempty"`
	// Notice must be accepted before the first message; nil: no notice.
	Notice *Notice `json:"notice,omitempty"`
	// Greeting is shown before the first message, by language.
	Greeting map[string]string `json:"greeting,omitempty"`
	// Hours are told to visitors, by language.
	Hours map[string]string `json:"hours,omitempty"`
	// Questions are offered before the first message, by language.
	Questions map[string][]string `json:"questions,omitempty"`
	// Color of the widget, as #rrggbb.
	Color string `json:"color,omitempty"`
	// Title stands at the top of the widget, Button beside its launcher, by language.
	Title  map[string]string `json:"title,omitempty"`
	Button map[string]string `json:"button,omitempty"`
	// Position is the corner: right (default) or left. Theme is auto (default), light or dark.
	Position string `json:"position,omitempty"`
	Theme    string `json:"theme,omitempty"`
	// Queue is where its visitors wait, and whose hours they are told; the house's default when empty.
	Queue string `json:"queue,omitempty"`
	// Call is the number that visitors call from the page; no calls when empty. CallHours offers them only while
	// the queue is open.
	Call      string `json:"call,omitempty"`
	CallHours bool   `json:"call_hours,omitempty"`
	// CallBack lets visitors ask for a call.
	CallBack bool `json:"call_back,omitempty"`
	// NoLetters takes no messages outside of the hours, NoTickets tells nothing of tickets.
	NoLetters bool `json:"no_letters,omitempty"`
	NoTickets bool `json:"no_tickets,omitempty"`
	// ProofOnly refuses visitors whom the host page has not signed.
	ProofOnly bool `json:"proof_only,omitempty"`
	// NoFiles takes no attachments.
	NoFiles bool `json:"no_files,omitempty"`
}

// Notice tells what happens with what the visitor writes (PIPL Art. 17).
type Notice struct {
	Version  string            `json:"version"`
	Text     map[string]string `json:"text"`
	URL      string            `json:"url,omitempty"` // of the whole notice
	Purposes []string          `json:"purposes"`
}

// CheckSettings says what is wrong with settings of a site.
func CheckSettings(doc json.RawMessage) error {
	_, err := readSettings(doc)
	return err
}

func readSettings(doc json.RawMessage) (Settings, error) {
	var s Settings
	if len(doc) == 0 {
		return s, nil
	}
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("settings of a site: %w", err)
	}
	for _, o := range s.Origins {
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || strings.ContainsAny(o, " ;,'")) {
			return s, fmt.Errorf("settings of a site: origin %q is not like https://shop.example", o)
		}
	}
	if n := s.Notice; n != nil && (n.Version == "" || len(n.Text) == 0 || !slices.Contains(n.Purposes, "service")) {
		return s, errors.New("settings of a site: a notice needs a version, a text and the purpose service")
	}
	if s.Color != "" && (len(s.Color) != 7 || s.Color[0] != '#' || strings.Trim(s.Color[1:], "0123456789abcdefABCDEF") != "") {
		return s, fmt.Errorf("settings of a site: color %q is not like #3366cc", s.Color)
	}
	switch {
	case !slices.Contains([]string{"", "right", "left"}, s.Position):
		return s, fmt.Errorf("settings of a site: position %q is neither left nor right", s.Position)
	case !slices.Contains([]string{"", "auto", "light", "dark"}, s.Theme):
		return s, fmt.Errorf("settings of a site: theme %q is none of auto, light and dark", s.Theme)
	case s.Call != "" && (len(s.Call) > 32 || strings.Trim(s.Call, "0123456789abcdefghijklmnopqrstuvwxyz+*#-_.") != ""):
		return s, fmt.Errorf("settings of a site: call %q is no number to dial", s.Call)
	case len(s.Queue) > 64:
		return s, errors.New("settings of a site: a queue's name has at most 64 characters")
	}
	for what, texts := range map[string]map[string]string{"title": s.Title, "button": s.Button, "greeting": s.Greeting, "hours": s.Hours} {
		for lang, text := range texts {
			if lang != "zh-CN" && lang != "en" || utf8.RuneCountInString(text) > 500 {
				return s, fmt.Errorf("settings of a site: %s is by zh-CN and en, each at most 500 characters", what)
			}
		}
	}
	return s, nil
}

// site is an account with its settings read.
type site struct {
	id, secret string
	Settings
}

var errNoSite = errors.New("there is no such site")

func (s *Server) site(ctx context.Context, id string) (*site, error) {
	if id == "" {
		id = DefaultSite
	}
	a, err := s.accounts.Find(ctx, Name, id)
	if errors.Is(err, pg.ErrNotFound) && id == DefaultSite {
		return &site{id: id}, nil
	}
	if errors.Is(err, pg.ErrNotFound) || err == nil && !a.Enabled {
		return nil, errNoSite
	}
	if err != nil {
		return nil, err
	}
	set, err := readSettings(a.Settings)
	return &site{id, a.Secret, set}, err
}

// allows tells whether pages of an origin may use the site; host is this server's own name in the request.
func (t *site) allows(origin, host string) bool {
	if origin == "" { // no page: an app
		return true
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
		return true
	}
	return slices.Contains(t.Origins, "*") || slices.ContainsFunc(t.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
}

// accepted tells whether a notice, if there is one, was accepted in a conversation.
func accepted(n *Notice, c *chat.Conversation) bool {
	return n == nil || c != nil && c.Consent != nil && c.Consent.Version == n.Version && slices.Contains(c.Consent.Purposes, "service")
}
