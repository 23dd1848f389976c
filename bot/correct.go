package bot

import (
	"context"
	"regexp"
	"strings"

	"tingxin/nlp"
	"tingxin/nlp/slot"
)

// piece of a number that a correction names: digits, a letter, or a digit in words.
const piece = `(\d{1,6}|[a-z]|[零〇一二两三四五六七八九幺]|zero|oh|one|two|three|four|five|six|seven|eight|nine)`

// around are the words of a message that may stand beside a correction; with others it is about something else.
const (
	before = `^(?:no+|nope|oops|sorry|wait|actually|it|it'?s|it is|is|i|i meant?|that'?s|was|should be|must be|ends?|in|with|the|last|first|end|digit|number|wrong|typo|my|mistake|不好意思|对不起|抱歉|不对|不是的|不,|错了|打错了|写错了|说错了|我|应该|是|最后|第一|一位|一个|数字|尾号|末尾|号码|订单号?|哦|[ ,.!:;])*?`
	after  = `(?:sorry|at the end|in the middle|please|instead|the last|digit|吧|的|哦|才对|谢谢|[ ,.!])*$`
)

// corrections say what is wrong in a number that was given, without giving it again: "4 not 5", "不是5,是4".
var corrections = []struct {
	form         *regexp.Regexp
	right, wrong int
}{
	{regexp.MustCompile(before + piece + `[, ]*(?:(?:and )?not|而?不是|instead of|rather than) ?(?:an? |the )?` + piece + after), 1, 2},
	{regexp.MustCompile(before + `(?:not|不是) ?(?:an? |the )?` + piece + `[, ]*(?:but|it'?s|it is|should be|而是|是|应该是)? ?(?:an? )?` + piece + after), 2, 1},
}

// corrected applies a correction to the number that was spoken of last, and takes it as if it had been
// given. Where the wrong piece stands more than once the last one is meant, which is asked about.
func (t *turn) corrected(ctx context.Context) error {
	for _, c := range corrections {
		m := c.form.FindStringSubmatch(t.plain)
		if m == nil {
			continue
		}
		right, wrong := pieceOf(m[c.right]), pieceOf(m[c.wrong])
		for _, kind := range []slot.Type{slot.Order, slot.Tracking, slot.Mobile} {
			old, err := t.e.memory.value(ctx, t.s.id, t.st.Mentioned[nameOf(kind)])
			if err != nil {
				return err
			}
			at := strings.LastIndex(old, wrong)
			if at < 0 {
				continue
			}
			value, p := old[:at]+right+old[at+len(wrong):], 0.9
			if strings.Count(old, wrong) > 1 {
				p = 0.6
			}
			t.step("corrected: " + nameOf(kind))
			t.amended = true
			t.values = append(t.values, slot.Value{Type: kind, Value: value, P: p})
			return t.add(ctx, "customer", newRow(nameOf(kind), value, "", p))
		}
	}
	return nil
}

// pieceOf a number as it is kept.
func pieceOf(said string) string {
	if d := nlp.Digit(said); d != "" {
		return d
	}
	return strings.ToUpper(said)
}
