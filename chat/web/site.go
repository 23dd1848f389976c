package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

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
		if o != "*" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "") {
			return s, fmt.Errorf("settings of a site: origin %q is not like https://shop.example", o)
		}
	}
	if n := s.Notice; n != nil && (n.Version == "" || len(n.Text) == 0 || !slices.Contains(n.Purposes, "service")) {
		return s, errors.New("settings of a site: a notice needs a version, a text and the purpose service")
	}
	if s.Color != "" && (len(s.Color) != 7 || s.Color[0] != '#' || strings.Trim(s.Color[1:], "0123456789abcdefABCDEF") != "") {
		return s, fmt.Errorf("settings of a site: color %q is not like #3366cc", s.Color)
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

// consented tells whether the notice of the site, if it has one, was accepted.
func (t *site) consented(c *chat.Conversation) bool {
	return t.Notice == nil || c != nil && c.Consent != nil && c.Consent.Version == t.Notice.Version && slices.Contains(c.Consent.Purposes, "service")
}
