package wire

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Param is one ;name=value; Flag marks a name without "=".
type Param struct {
	Name, Value string
	Flag        bool
}

// Params keeps order and spelling; names are compared without case.
type Params []Param

// Get returns the (unquoted) value; ok tells that the parameter is there.
func (p Params) Get(name string) (value string, ok bool) {
	for _, q := range p {
		if strings.EqualFold(q.Name, name) {
			return q.Value, true
		}
	}
	return "", false
}

// Set replaces or appends name=value.
func (p Params) Set(name, value string) Params {
	for i := range p {
		if strings.EqualFold(p[i].Name, name) {
			p[i] = Param{Name: name, Value: value}
			return p
		}
	}
	return append(p, Param{Name: name, Value: value})
}

func (p Params) write(b *strings.Builder) {
	for _, q := range p {
		b.WriteByte(';')
		b.WriteString(q.Name)
		if q.Flag {
			continue
		}
		b.WriteByte('=')
		if q.Value == "" || strings.ContainsAny(q.Value, " \t\",;<>\\") {
			b.WriteString(quote(q.Value))
		} else {
			b.WriteString(q.Value)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

var errParam = errors.New("malformed parameter")

// parseParams reads ";a=b;c" (with any white space); strict refuses empty ones.
func parseParams(s string, strict bool) (Params, error) {
	s = strings.Trim(s, " \t")
	if s == "" {
		return nil, nil
	}
	if s[0] != ';' {
		return nil, errParam
	}
	var out Params
	for _, part := range splitOutside(s[1:], ';') {
		if part == "" {
			if strict {
				return nil, errParam
			}
			continue
		}
		name, value, has := strings.Cut(part, "=")
		name, value = strings.TrimRight(name, " \t"), strings.TrimLeft(value, " \t")
		if !isToken(name) || has && value == "" && strict {
			return nil, errParam
		}
		if strings.HasPrefix(value, `"`) {
			v, rest, err := unquote(value)
			if err != nil || strings.Trim(rest, " \t") != "" {
				return nil, errParam
			}
			value = v
		} else if strict && strings.ContainsAny(value, " \t,\"<>") {
			return nil, errParam
		}
		out = append(out, Param{name, value, !has})
	}
	return out, nil
}

// unquote reads a quoted-string at the beginning of s.
func unquote(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("unbalanced quote")
}

// Address is a name-addr or addr-spec with header parameters (RFC 3261 20.10).
type Address struct {
	Name   string // display name, unquoted
	URI    string // raw
	Params Params
}

// ParseAddress reads the value of From, To, Contact, Route and their like.
func ParseAddress(s string) (*Address, error) {
	s = strings.Trim(s, " \t")
	a := &Address{}
	var err error
	if strings.HasPrefix(s, `"`) {
		if a.Name, s, err = unquote(s); err != nil {
			return nil, err
		}
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, "<") {
			return nil, errors.New("display name without <uri>")
		}
	}
	open := strings.IndexByte(s, '<')
	if open < 0 {
		return a, a.bare(s)
	}
	if name := strings.Trim(s[:open], " \t"); name != "" {
		if a.Name != "" || !tokens(name) {
			return nil, errors.New("malformed display name")
		}
		a.Name = name
	}
	end := strings.IndexByte(s[open:], '>')
	if end < 0 {
		return nil, errors.New("missing >")
	}
	a.URI = s[open+1 : open+end]
	if a.URI == "" || strings.ContainsAny(a.URI, " \t<\"") {
		return nil, errors.New("malformed uri")
	}
	a.Params, err = parseParams(s[open+end+1:], true)
	return a, err
}

// bare reads an addr-spec without brackets: what follows ; belongs to the header.
func (a *Address) bare(s string) error {
	uri, rest, has := strings.Cut(s, ";")
	a.URI = strings.TrimRight(uri, " \t")
	if a.URI == "" || strings.ContainsAny(a.URI, " \t,?>\"") {
		return errors.New("malformed uri")
	}
	if !has {
		return nil
	}
	var err error
	a.Params, err = parseParams(";"+rest, true)
	return err
}

func tokens(s string) bool {
	for _, f := range strings.Fields(s) {
		if !isToken(f) {
			return false
		}
	}
	return true
}

// String renders the address with brackets.
func (a *Address) String() string {
	var b strings.Builder
	if a.Name != "" {
		b.WriteString(quote(a.Name))
		b.WriteByte(' ')
	}
	b.WriteString("<" + a.URI + ">")
	a.Params.write(&b)
	return b.String()
}

// URI is a parsed sip:, sips: or tel: URI (RFC 3261 19.1). Other schemes keep
// Scheme alone.
type URI struct {
	Scheme  string // lower case
	User    string // raw, still escaped; for tel: the number
	Host    string // without brackets
	Port    int    // 0 when absent
	Params  Params
	Headers string // after "?", raw
}

var errURI = errors.New("malformed uri")

// ParseURI reads a URI; unknown schemes are no error.
func ParseURI(s string) (*URI, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || strings.ContainsAny(s, " \t<>\"\r\n") || !schemeName(scheme) {
		return nil, errURI
	}
	u := &URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		return u, u.sip(rest)
	case "tel":
		number, params, has := strings.Cut(rest, ";")
		u.User = number
		if number == "" {
			return nil, errURI
		}
		if has {
			u.Params, _ = parseParams(";"+params, false)
		}
	}
	return u, nil
}

func schemeName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !alnum(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func (u *URI) sip(rest string) error {
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user := rest[:i]
		u.User, _, _ = strings.Cut(user, ":")
		if user == "" {
			return errURI
		}
		rest = rest[i+1:]
	}
	rest, u.Headers, _ = strings.Cut(rest, "?")
	hostport, params, has := strings.Cut(rest, ";")
	if has {
		var err error
		if u.Params, err = parseParams(";"+params, false); err != nil {
			return errURI
		}
	}
	var ok bool
	if u.Host, u.Port, ok = hostPort(hostport); !ok {
		return errURI
	}
	return nil
}

// hostPort splits host[:port], IPv6 in brackets.
func hostPort(s string) (host string, port int, ok bool) {
	s = strings.Trim(s, " \t")
	p := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, p = s[1:end], strings.TrimLeft(s[end+1:], " \t")
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", 0, false
		}
		if p != "" && p[0] != ':' {
			return "", 0, false
		}
	} else {
		i := strings.IndexByte(s, ':')
		host = s
		if i >= 0 {
			host, p = strings.TrimRight(s[:i], " \t"), s[i:]
		}
		if !hostName(host) {
			return "", 0, false
		}
	}
	if p == "" {
		return host, 0, true
	}
	p = strings.Trim(p[1:], " \t")
	n, err := strconv.Atoi(p)
	if err != nil || !digits(p) || n < 1 || n > 65535 {
		return "", 0, false
	}
	return host, n, true
}

func hostName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !alnum(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// Transport returns the transport parameter in lower case, "tls" for sips, or
// "" when nothing is said.
func (u *URI) Transport() string {
	if t, ok := u.Params.Get("transport"); ok {
		return strings.ToLower(t)
	}
	if u.Scheme == "sips" {
		return "tls"
	}
	return ""
}

// HostPort renders host and port, with brackets around IPv6 and the given
// default port.
func (u *URI) HostPort(defaultPort int) string {
	p := u.Port
	if p == 0 {
		p = defaultPort
	}
	return net.JoinHostPort(u.Host, strconv.Itoa(p))
}

// Number returns the user part unescaped, without its parameters: the dialled
// or calling number.
func (u *URI) Number() string {
	user, _, _ := strings.Cut(u.User, ";")
	return unescape(user)
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Escape makes s fit for the user part of a SIP URI.
func Escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; alnum(c) || strings.IndexByte("-_.!~*'()&=+$,;?/", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// Via is one Via value (RFC 3261 20.42).
type Via struct {
	Transport string // upper case
	Host      string
	Port      int // 0 when absent
	Params    Params
	Malformed bool // sent-by is readable, the parameters are not
}

// ParseVia reads one Via value with any white space the grammar allows.
func ParseVia(s string) (*Via, error) {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 || !strings.EqualFold(strings.Trim(parts[0], " \t"), "SIP") || !isToken(strings.Trim(parts[1], " \t")) {
		return nil, errors.New("malformed via protocol") // another version is for the request line to refuse
	}
	rest := strings.TrimLeft(parts[2], " \t")
	i := strings.IndexAny(rest, " \t")
	if i < 0 || !isToken(rest[:i]) {
		return nil, errors.New("malformed via transport")
	}
	v := &Via{Transport: strings.ToUpper(rest[:i])}
	sentBy, params, has := strings.Cut(rest[i:], ";")
	var ok bool
	if v.Host, v.Port, ok = hostPort(sentBy); !ok {
		return nil, errors.New("malformed via sent-by")
	}
	if has {
		var err error
		if v.Params, err = parseParams(";"+params, false); err != nil {
			v.Params, v.Malformed = nil, true
		}
		if _, err = parseParams(";"+params, true); err != nil && !emptyRport(params) {
			v.Malformed = true
		}
	}
	return v, nil
}

// emptyRport forgives "rport=" without value, which some devices send.
func emptyRport(params string) bool {
	_, err := parseParams(";"+strings.Replace(params, "rport=;", "rport;", 1), true)
	return err == nil
}

// Branch returns the branch parameter.
func (v *Via) Branch() string {
	b, _ := v.Params.Get("branch")
	return b
}

// SentBy renders host[:port].
func (v *Via) SentBy() string {
	h := v.Host
	if strings.Contains(h, ":") {
		h = "[" + h + "]"
	}
	if v.Port != 0 {
		h += ":" + strconv.Itoa(v.Port)
	}
	return h
}

// String renders the value.
func (v *Via) String() string {
	var b strings.Builder
	b.WriteString("SIP/2.0/" + v.Transport + " " + v.SentBy())
	v.Params.write(&b)
	return b.String()
}
