package kb

import (
	"strings"
	"unicode/utf8"
)

// Preview is an article as one channel would show it.
type Preview struct {
	Channel string `json:"channel" enum:"help,web,email,wechat,wecom,qq,weibo,sms,voice"`
	HTML    string `json:"html,omitempty" doc:"safe HTML, of channels that show it"`
	// Parts are the messages that it would be sent as.
	Parts []string `json:"parts,omitempty"`
	// Limit of one message, in Unit; 0 is none.
	Limit int    `json:"limit"`
	Unit  string `json:"unit,omitempty" enum:"bytes,characters"`
	Size  int    `json:"size" doc:"of the whole, in the unit"`
}

// textChannels are what channels take as one text message: WeChat's and WeCom's
// interfaces count bytes, Weibo's characters (under 300), a spoken answer should end
// before its listener stops listening.
var textChannels = []struct {
	name  string
	limit int
	bytes bool
}{
	{"wechat", 2048, true}, {"wecom", 2048, true}, {"qq", 2000, true}, {"weibo", 299, false}, {"sms", 500, false}, {"voice", 300, false},
}

// maxMessages is how many messages a preview shows.
const maxMessages = 20

// Previews of content on every channel.
func Previews(c *Content) []Preview {
	html := string(Render(c.Markdown()))
	text := PlainText(c.Markdown())
	n := utf8.RuneCountInString(text)
	out := []Preview{
		{Channel: "help", HTML: html, Unit: "characters", Size: n},
		{Channel: "web", HTML: html, Unit: "characters", Size: n},
		{Channel: "email", HTML: html, Unit: "characters", Size: n},
	}
	for _, channel := range textChannels {
		p := Preview{Channel: channel.name, Limit: channel.limit, Unit: "characters", Size: n}
		size := utf8.RuneCountInString
		if channel.bytes {
			p.Unit, p.Size = "bytes", len(text)
			size = func(s string) int { return len(s) }
		}
		p.Parts = split(text, channel.limit, size)
		p.Parts = p.Parts[:min(len(p.Parts), maxMessages)]
		out = append(out, p)
	}
	return out
}

// split cuts a text into messages of at most limit, at the ends of lines or sentences
// where there are some in the second half, else between characters.
func split(text string, limit int, size func(string) int) []string {
	var out []string
	rest := strings.TrimSpace(text)
	for rest != "" {
		if size(rest) <= limit {
			return append(out, rest)
		}
		end, good, used := 0, 0, 0
		for i, r := range rest {
			used += size(string(r))
			if used > limit {
				break
			}
			end = i + utf8.RuneLen(r)
			if used > limit/2 && strings.ContainsRune("\n。！？!?；;", r) {
				good = end
			}
		}
		if good > 0 {
			end = good
		}
		out = append(out, strings.TrimSpace(rest[:end]))
		rest = strings.TrimSpace(rest[end:])
	}
	return out
}
