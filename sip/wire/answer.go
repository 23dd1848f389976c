package wire

// Answer builds a response to a request (RFC 3261 8.2.6): Via, From, To,
// Call-ID, CSeq as they came, with toTag added when the To has none and the
// status is above 100.
func Answer(req *Message, status int, reason, toTag string) *Message {
	m := &Message{Status: status, Reason: reason, Version: "SIP/2.0", Headers: make([]Header, 0, 12)}
	if reason == "" {
		m.Reason = Reason(status)
	}
	for _, h := range req.Headers {
		switch h.Name {
		case "Via", "From", "Call-ID", "CSeq":
			m.Headers = append(m.Headers, h)
		case "To":
			if status > 100 && toTag != "" && req.ToTag() == "" {
				h.Value = withTag(h.Value, toTag)
			}
			m.Headers = append(m.Headers, h)
		case "Timestamp":
			if status == 100 {
				m.Headers = append(m.Headers, h)
			}
		}
	}
	return m
}

// withTag appends a tag to a To value, which is left alone when unreadable.
func withTag(to, tag string) string {
	if _, err := ParseAddress(to); err != nil {
		return to
	}
	return to + ";tag=" + tag
}

// Reason is the usual phrase of a status.
func Reason(status int) string {
	if r, ok := reasons[status]; ok {
		return r
	}
	switch status / 100 {
	case 1:
		return "Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirect"
	case 4:
		return "Request Failure"
	case 5:
		return "Server Failure"
	}
	return "Global Failure"
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
	413: "Request Entity Too Large", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
	420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
	483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending", 493: "Undecipherable",
	500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}
