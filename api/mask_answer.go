package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/nlp/pii"
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
	if !ok || v == nil || !who.User.Role.masked() {
		return v, nil
	}
	if _, bytesOnly := v.([]byte); bytesOnly {
		return v, nil // files: their routes are not for masked roles
	}
	if _, problem := v.(*huma.ErrorModel); problem {
		return v, nil
	}
	return maskJSON(v)
}

// maskJSON is v as JSON would show it, masked.
func maskJSON(v any) (any, error) {
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
	return masked("", out), nil
}

func masked(field string, v any) any {
	switch v := v.(type) {
	case string:
		return maskedText(field, v)
	case []any:
		for i := range v {
			v[i] = masked(field, v[i])
		}
	case map[string]any:
		customer := v["kind"] == "customer" // the author of a message
		for _, beside := range namedBy {
			_, there := v[beside]
			customer = customer || there
		}
		if _, spoken := v["raw"]; spoken { // an utterance: digit by digit a number would be read from its words
			for _, part := range []string{"words", "spans"} {
				if _, there := v[part]; there {
					v[part] = []any{}
				}
			}
		}
		for key, value := range v {
			if name, ok := value.(string); ok && key == "name" && customer {
				v[key] = pii.Name(name)
				continue
			}
			v[key] = masked(key, value)
		}
	}
	return v
}

func maskedText(field, s string) string {
	switch {
	case s == "" || opaque[field] || plainValue.MatchString(s):
		return s
	case nameFields[field]:
		return pii.Name(s)
	case field == "external_user":
		return pii.Short(s)
	case numberFields[field] && strings.Trim(s, "+0123456789 -()") == "":
		return pii.Phone(s)
	}
	return pii.Text(s)
}
