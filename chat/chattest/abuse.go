package chattest

import (
	"encoding/json"
	"strings"
)

// Abuse are texts of people who try what happens, by what they are. Whoever takes words of strangers gets
// them all: none may be an error of the server, come back unescaped, or be more than words.
var Abuse = map[string]string{
	"html":          `<script>alert("x")</script><img src=x onerror=alert(1)>`,
	"100 kB":        strings.Repeat("很长的问题", 7000),
	"template":      "{{order}} {{constructor}} ${7*7} {{7*7}} <%= 7*7 %> #{7*7}",
	"emoji storm":   strings.Repeat("😡🔥", 400),
	"joined emoji":  strings.Repeat("👩‍👩‍👧‍👦🏳️‍🌈", 100),
	"russian":       "Где мой заказ номер двенадцать",
	"arabic":        "أين طلبي",
	"thai":          "คำสั่งซื้อของฉันอยู่ที่ไหน",
	"zero bytes":    "\x00\x00运费怎么算\x00",
	"broken utf-8":  "\xff\xfe运费\xc3怎么算",
	"control":       "\u202e\u200b\u0007\u001b[31m",
	"sql":           "'; drop table messages; -- 运费",
	"combining":     strings.Repeat("a\u0301\u0302\u0303\u0304", 300),
	"digits":        strings.Repeat("9", 3000),
	"regexp":        strings.Repeat("(a+)+$", 500),
	"regexp's prey": strings.Repeat("a", 3000) + "!",
	"path":          "../../../etc/passwd%00.png\r\nSet-Cookie: a=b",
	"spaces":        "   \n\t ",
	"nothing":       "",
}

// Deep is JSON that nests further than anybody means it.
var Deep = strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000)

// Raw is a text as a JSON string whose broken bytes stay broken.
func Raw(text string) string {
	if strings.ToValidUTF8(text, "") == text {
		quoted, _ := json.Marshal(text) // a string can always be
		return string(quoted)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
