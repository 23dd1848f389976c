package api

import (
	"maps"
	"net/http"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const apiDescription = `The API of Tingxin. The pages use it and nothing else, so whatever they can do a program can do.

**Who asks.** A browser signs in (POST /session), holds a cookie and sends X-CSRF-Token with every change. A program sends a key
(POST /api-keys) as "Authorization: Bearer tx_...". A key may do what its owner may, as far as its scopes go.

**Requests that are sent again.** A POST with the header Idempotency-Key is done once: whoever sends it again within 24 hours gets the
first answer, with "Idempotency-Replayed: true"; the same word with another request is answered 409.

**Lists.** A page has "items" and, when there is more, "next", which is sent back as "cursor". Lists without a cursor are short by nature
and say how long they may be.

**Rates.** Every answer says RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset (seconds until the bucket is full again). Beyond that it is
429 with Retry-After (seconds).

**Errors** are problem documents (RFC 9457).

**Events** come over the WebSocket at /api/v1/realtime; docs/events.md describes them.`

var securitySchemes = map[string]*huma.SecurityScheme{
	"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "the cookie of a browser that signed in; changes also carry X-CSRF-Token"},
	"key":     {Type: "http", Scheme: "bearer", Description: "a key from POST /api-keys"},
}

// operationsOf are the operations of one path by method.
func operationsOf(p *huma.PathItem) map[string]*huma.Operation {
	out := map[string]*huma.Operation{http.MethodGet: p.Get, http.MethodPut: p.Put, http.MethodPost: p.Post, http.MethodDelete: p.Delete, http.MethodPatch: p.Patch, http.MethodHead: p.Head}
	maps.DeleteFunc(out, func(_ string, op *huma.Operation) bool { return op == nil })
	return out
}

// complete gives every operation what all have in common: who may call it, the answers that guard gives,
// the header of repeated requests, and examples of what goes in and comes out.
func complete(doc *huma.OpenAPI) {
	for path, item := range doc.Paths {
		for method, op := range operationsOf(item) {
			route := method + " " + ginPath(path)
			describe(op, route)
			if method == http.MethodPost && access[route] != public && !secretAnswers[route] && !personal[firstPart(ginPath(path))] {
				op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyHeader, In: "header", Description: "a word of the caller's own; a request sent again with it within 24 hours is not done again",
					Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(255)}, Example: "5f0c2f6e-order-1042"})
			}
			answers(doc, op, route)
			examples(doc, op)
		}
	}
}

// describe says who may call an operation.
func describe(op *huma.Operation, route string) {
	if access[route] == public {
		if op.Description == "" {
			op.Description = "For everybody, without a session."
		}
		return
	}
	var roles []string
	for _, role := range Roles {
		if allowed(role, route) {
			roles = append(roles, string(role))
		}
	}
	op.Description = "For the roles " + strings.Join(roles, ", ") + "."
	op.Security = []map[string][]string{{"session": {}}}
	if scope := scopeOf(route); scope != "" {
		op.Description += " A key needs the scope " + scope + "."
		op.Security = append(op.Security, map[string][]string{"key": {}})
	} else {
		op.Description += " No key may do this."
	}
}

// answers adds those that guard gives.
func answers(doc *huma.OpenAPI, op *huma.Operation, route string) {
	codes := []int{http.StatusTooManyRequests}
	if access[route] != public {
		codes = append(codes, http.StatusUnauthorized, http.StatusForbidden)
	}
	if op.RequestBody != nil {
		codes = append(codes, http.StatusRequestEntityTooLarge)
	}
	codes = append(codes, http.StatusBadRequest) // an address with what an address has not
	if op.RequestBody != nil || len(op.Parameters) > 0 {
		codes = append(codes, http.StatusUnprocessableEntity)
	}
	if strings.HasPrefix(route, http.MethodPost) {
		codes = append(codes, http.StatusConflict)
	}
	for _, code := range codes {
		key := strconv.Itoa(code)
		if op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Description: http.StatusText(code), Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}}}
		}
		if code == http.StatusTooManyRequests {
			op.Responses[key].Headers = map[string]*huma.Param{"Retry-After": {Description: "seconds to wait", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
	}
}

// examples gives every JSON body one.
func examples(doc *huma.OpenAPI, op *huma.Operation) {
	give := func(content map[string]*huma.MediaType) {
		for kind, media := range content {
			if strings.Contains(kind, "json") && kind != "application/problem+json" && media.Schema != nil && media.Example == nil && len(media.Examples) == 0 {
				media.Example = example(doc, media.Schema, "", 0)
			}
		}
	}
	if op.RequestBody != nil {
		give(op.RequestBody.Content)
	}
	for _, r := range op.Responses {
		give(r.Content)
	}
}

// exampleDepth bounds examples of types that hold themselves.
const exampleDepth = 5

// example makes a value that fits a schema, the same each time.
func example(doc *huma.OpenAPI, s *huma.Schema, field string, depth int) any {
	for s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	for _, some := range [][]*huma.Schema{s.OneOf, s.AnyOf, s.AllOf} {
		if len(some) > 0 {
			return example(doc, some[0], field, depth)
		}
	}
	switch s.Type {
	case huma.TypeObject:
		out := map[string]any{}
		for name, p := range s.Properties {
			if depth < exampleDepth || slices.Contains(s.Required, name) {
				out[name] = example(doc, p, name, depth+1)
			}
		}
		return out
	case huma.TypeArray:
		n := 0
		if s.MinItems != nil {
			n = *s.MinItems
		}
		if depth < exampleDepth && s.Items != nil {
			n = max(n, 1)
		}
		out := make([]any, n)
		for i := range out {
			out[i] = example(doc, s.Items, field, depth+1)
		}
		return out
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		n := 1.0
		if s.Minimum != nil {
			n = max(n, *s.Minimum)
		}
		if s.ExclusiveMinimum != nil {
			n = max(n, *s.ExclusiveMinimum+1)
		}
		if s.Maximum != nil {
			n = min(n, *s.Maximum)
		}
		if s.Type == huma.TypeInteger {
			return int(n)
		}
		return n
	case huma.TypeString:
		return exampleText(s, field)
	}
	return map[string]any{}
}

// Texts of examples by format and by field.
var (
	exampleFormats = map[string]string{"date-time": "2026-11-29T08:00:00Z", "date": "2026-11-29", "time": "08:00:00", "uri": "https://example.com/", "email": "mei@example.com", "uuid": "0195d2f0-7c1a-7b2e-9d3c-2f6a1b4c5d6e", "ipv4": "192.0.2.10"}
	exampleFields  = map[string]string{"username": "mei", "password": "correct horse battery", "name": "Mei Chen", "language": "en", "title": "Kettle does not switch off", "text": "Thank you, we look into it.",
		"phone": "+8613800138000", "number": "+8613800138000", "from": "+8613800138000", "to": "+861065529988", "email": "mei@example.com", "channel": "call", "role": "agent", "actor": "mei", "address": "192.0.2.10",
		"zone": "Asia/Shanghai", "version": "2026-11", "color": "#1677ff", "queue": "support", "token": "tx_pJ3v1kQ7", "scopes": "calls:read", "detail": "there is no such thing"}
)

func exampleText(s *huma.Schema, field string) string {
	text, known := exampleFormats[s.Format]
	if !known {
		text, known = exampleFields[field]
	}
	if !known {
		text = "text"
	}
	if s.MinLength != nil {
		for len(text) < *s.MinLength {
			text += "x"
		}
	}
	if s.MaxLength != nil && len(text) > *s.MaxLength {
		text = text[:*s.MaxLength]
	}
	if re, err := regexp.Compile(s.Pattern); s.Pattern != "" && err == nil && !re.MatchString(text) {
		if tree, err := syntax.Parse(s.Pattern, syntax.Perl); err == nil {
			return shortest(tree.Simplify())
		}
	}
	return text
}

// shortest is a short text that a pattern matches.
func shortest(p *syntax.Regexp) string {
	switch p.Op {
	case syntax.OpLiteral:
		return string(p.Rune)
	case syntax.OpCharClass:
		for _, nice := range "1ab-_" {
			for i := 0; i+1 < len(p.Rune); i += 2 {
				if nice >= p.Rune[i] && nice <= p.Rune[i+1] {
					return string(nice)
				}
			}
		}
		return string(p.Rune[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return shortest(p.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(shortest(p.Sub[0]), max(p.Min, min(1, max(p.Max, 0))))
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range p.Sub {
			b.WriteString(shortest(sub))
		}
		return b.String()
	case syntax.OpStar, syntax.OpQuest:
		return ""
	}
	return "" // the edges of a text
}
