package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/nlp/pii"
	"tingxin/team"
)

// Fields that hold a number of a person, or a name, whatever answer they stand in.
var (
	numberFields = map[string]bool{"from": true, "to": true, "number": true, "phone": true, "identity": true, "caller": true, "callee": true, "target": true}
	nameFields   = map[string]bool{"from_name": true, "to_name": true, "contact_name": true, "caller_name": true, "customer_name": true}
	// namedBy are fields that only stand beside the name of a customer: in contacts, conversations, hits of
	// the search and suggestions of who may be the same.
	namedBy = []string{"identities", "customer_read", "contact_id", "snippet", "kinds"}
)

// plainValue is what is never a person's: ids of ours, times, cursors of pages.
var plainValue = regexp.MustCompile(`^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?|[0-9a-f]{64})$`)

// opaque are fields of ours that are sent back as they are.
var opaque = map[string]bool{"id": true, "next": true, "csrf": true, "cursor": true, "contact": true}

// maskAnswer hides what names a person in every answer to those who see masked data only. It stands
// behind all operations, so that a new one is masked without knowing of it.
func maskAnswer(ctx huma.Context, _ string, v any) (any, error) {
	who, ok := ctx.Context().Value(requestKey{}).(*caller)
	if !ok || v == nil || len(who.hidden) == 0 {
		return v, nil
	}
	if _, bytesOnly := v.([]byte); bytesOnly {
		return v, nil // files: their routes are not for masked roles
	}
	if _, problem := v.(*huma.ErrorModel); problem {
		return v, nil
	}
	return maskJSON(v, who.hidden)
}

// maskJSON is v as JSON would show it, with the hidden fields masked.
func maskJSON(v any, hidden []team.Field) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // ids stay what they are
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	m := mask{}
	for _, f := range hidden {
		m[f] = true
	}
	return m.value("", out), nil
}

// mask is what is hidden.
type mask map[team.Field]bool

func (m mask) value(field string, v any) any {
	switch v := v.(type) {
	case string:
		return m.text(field, v)
	case []any:
		for i := range v {
			v[i] = m.value(field, v[i])
		}
	case map[string]any:
		customer := v["kind"] == "customer" // the author of a message
		for _, beside := range namedBy {
			_, there := v[beside]
			customer = customer || there
		}
		identity, _ := v["kind"].(string)
		if _, spoken := v["raw"]; spoken && m[team.Text] { // an utterance: digit by digit a number would be read from its words
			for _, part := range []string{"words", "spans"} {
				if _, there := v[part]; there {
					v[part] = []any{}
				}
			}
		}
		for key, value := range v {
			if text, ok := value.(string); ok && key == "value" && ofIdentity[identity] != "" {
				v[key] = m.identity(identity, text)
				continue
			}
			if name, ok := value.(string); ok && key == "name" && customer {
				if m[team.Name] {
					v[key] = pii.Name(name)
				}
				continue
			}
			v[key] = m.value(key, value)
		}
	}
	return v
}

// ofIdentity is what an identity of a kind is.
var ofIdentity = map[string]team.Field{"phone": team.Phone, "email": team.Email, "login": team.External, "device": team.External, "wechat": team.External, "wecom": team.External, "weibo": team.External, "qq": team.External, "custom": team.External}

func (m mask) identity(kind, value string) string {
	switch field := ofIdentity[kind]; {
	case !m[field], strings.Contains(value, "*"): // it is masked for everybody
		return value
	case field == team.Phone:
		return pii.Phone(value)
	case field == team.Email:
		return pii.Email(value)
	}
	return pii.Short(value)
}

func (m mask) text(field, s string) string {
	switch {
	case s == "" || opaque[field] || plainValue.MatchString(s):
		return s
	case nameFields[field]:
		if m[team.Name] {
			return pii.Name(s)
		}
		return s
	case field == "external_user":
		if m[team.External] {
			return pii.Short(s)
		}
		return s
	case numberFields[field] && strings.Trim(s, "+0123456789 -()") == "":
		if m[team.Phone] {
			return pii.Phone(s)
		}
		return s
	case numberFields[field] && strings.Contains(s, "@"):
		if m[team.Email] {
			return pii.Email(s)
		}
		return s
	case m[team.Text]:
		return pii.Text(s)
	}
	return s
}
