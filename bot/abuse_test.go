package bot

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/chat/chattest"
)

func TestAbuseGetsAnAnswerAndNothingLeaks(t *testing.T) {
	h := open(t)
	for name, c := range map[string]struct {
		text  string
		holds string // in the reply
	}{
		"html":            {`<script>alert("x")</script><img src=x onerror=alert(1)>`, ""},
		"100 kB":          {strings.Repeat("很长的问题", 7000), "太长"},
		"100 kB english":  {strings.Repeat("long question ", 7000), "too long"},
		"template":        {"{{order}} {{constructor}} ${7*7} {{7*7}}", ""},
		"emoji storm":     {strings.Repeat("😡🔥", 400), "几个字"},
		"flags and joins": {strings.Repeat("👩‍👩‍👧‍👦🏳️‍🌈", 100), ""},
		"russian":         {"Где мой заказ номер двенадцать", "中文和英文"},
		"arabic":          {"أين طلبي", "中文和英文"},
		"japanese":        {"わたしのちゅうもんはどこですか", "中文和英文"},
		"thai":            {"คำสั่งซื้อของฉันอยู่ที่ไหน", "中文和英文"},
		"zero bytes":      {"\x00\x00运费怎么算\x00", ""},
		"broken utf-8":    {"\xff\xfe运费\xc3怎么算", ""},
		"control":         {"\u202e\u200b\u0007\u001b[31m", ""},
		"sql":             {"'; drop table bot_turns; -- 运费", ""},
		"combining":       {strings.Repeat("a\u0301\u0302\u0303\u0304", 300), ""},
		"empty":           {"", ""},
		"spaces":          {"   \n\t ", ""},
		"digits":          {strings.Repeat("9", 3000), ""},
		"regexp":          {strings.Repeat("(a+)+$", 500), ""},
	} {
		r, err := h.Turn(t.Context(), Session{Subject: name, Contact: 7}, Input{Text: c.text, Channel: ChannelChat})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := r.Text()
		if text == "" || !strings.Contains(text, c.holds) || r.Decision == DoHandover && r.Handover.Reason == ReasonError {
			t.Errorf("%s: %s %q", name, r.Decision, text)
		}
	}
}

// What recognition or a caller's keys make of it is answered by words that can be spoken.
func TestAbuseByTelephone(t *testing.T) {
	h := open(t)
	for name, text := range chattest.Abuse {
		v, err := h.Call(t.Context(), Spoken{Call: name, Text: text, Lang: "en", Emotion: -1})
		if err != nil || strings.Contains(v.Text, "<script>") || strings.Contains(v.Text, "49") || v.Text == "" && !v.Handover {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

func TestBadSessionsAreRefused(t *testing.T) {
	h := open(t)
	for name, c := range map[string]struct {
		who     Session
		channel Channel
		want    error
	}{
		"no channel":   {Session{Subject: "x"}, "", ErrInput},
		"no subject":   {Session{}, ChannelChat, ErrInput},
		"long subject": {Session{Subject: strings.Repeat("x", 129)}, ChannelChat, ErrInput},
		"zero byte":    {Session{Subject: "a\x00b"}, ChannelChat, ErrInput},
		"no uuid":      {Session{ID: "1; drop table"}, ChannelChat, ErrSession},
		"unknown":      {Session{ID: "6a4ee7d0-0000-4000-8000-000000000000"}, ChannelChat, ErrSession},
	} {
		if _, err := h.Turn(t.Context(), c.who, Input{Text: "hi", Channel: c.channel}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestValuesAreNeverReadAsTemplatesOrAddresses(t *testing.T) {
	if got := fill("订单 {{order}} {{x}} {{ y }}{{", map[string]string{"order": "{{y}}", "y": "{{order}}"}); got != "订单 {{y}}  {{order}}{{" {
		t.Errorf("%q", got)
	}
	tool, err := ParseTool([]byte("name: t\nurl: http://h/orders/{{order}}?q={{order}}\n"))
	must(t, err)
	for value, want := range map[string]string{
		"A1":          "http://h/orders/A1?q=A1",
		"..":          "http://h/orders/%2E%2E?q=%2E%2E",
		"../../admin": "http://h/orders/..%2F..%2Fadmin?q=..%2F..%2Fadmin",
		"a?b#c&d":     "http://h/orders/a%3Fb%23c&d?q=a%3Fb%23c%26d",
		"@evil":       "http://h/orders/@evil?q=%40evil",
	} {
		req, err := tool.request(t.Context(), map[string]string{"order": value})
		must(t, err)
		if got := req.URL.String(); got != want || req.URL.Host != "h" {
			t.Errorf("%q: %s", value, got)
		}
	}
}

func TestToolsStayWhereTheyMay(t *testing.T) {
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"x": "secret"}`) }))
	defer secret.Close()
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, secret.URL, http.StatusFound)
		case "/big":
			fmt.Fprintf(w, `{"x": "%s"}`, strings.Repeat("y", 2000))
		case "/text":
			fmt.Fprint(w, "no json")
		case "/deep":
			fmt.Fprint(w, `{"items": [{"title": 12.50}], "ok": true}`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer outer.Close()
	addr := outer.Listener.Addr().String()
	c := newTools([]string{addr, "localhost"})
	defer c.close()
	call := func(url, more string) (map[string]string, error) {
		tool, err := ParseTool([]byte("name: t\nurl: " + url + "\nvalues: {x: x, title: items.0.title, ok: ok}\n" + more))
		must(t, err)
		return c.call(t.Context(), tool, nil)
	}
	if v, err := call("http://"+addr+"/deep", ""); err != nil || v["title"] != "12.50" || v["ok"] != "true" {
		t.Errorf("deep: %v %v", v, err)
	}
	for name, url := range map[string]string{
		"a host that is not in the list":   secret.URL,
		"a name that leads inside":         "http://localhost:" + strings.Split(secret.URL, ":")[2],
		"a redirect to another host":       "http://" + addr + "/redirect",
		"a status that is no answer":       "http://" + addr + "/broken",
		"an answer that is no JSON":        "http://" + addr + "/text",
		"the address of the cloud's clerk": "http://169.254.169.254/latest",
	} {
		if v, err := call(url, ""); err == nil || len(v) > 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
	if _, err := call("http://"+addr+"/big", "max_bytes: 1000\n"); err == nil {
		t.Error("an answer above the bound is taken")
	}
}

func TestToolDeclarationsAreChecked(t *testing.T) {
	for name, doc := range map[string]string{
		"no name":          "url: http://x/\n",
		"unknown key":      "name: t\nurl: http://x/\nfoo: 1\n",
		"file":             "name: t\nurl: file:///etc/passwd\n",
		"password":         "name: t\nurl: http://a:b@x/\n",
		"value as host":    "name: t\nurl: http://{{order}}/x\n",
		"method":           "name: t\nmethod: DELETE\nurl: http://x/\n",
		"long timeout":     "name: t\nurl: http://x/\ntimeout: 2m\n",
		"too many bytes":   "name: t\nurl: http://x/\nmax_bytes: 99999999\n",
		"remember nothing": "name: t\nurl: http://x/\nremember: {a: b}\n",
		"no yaml":          "\t{[",
		"long":             "# " + strings.Repeat("x", maxToolDoc),
	} {
		if _, err := ParseTool([]byte(doc)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestIntentsAreChecked(t *testing.T) {
	h := open(t)
	for name, i := range map[string]Intent{
		"name":       {Name: "No Name", Kind: KindTalk, Answer: map[string]string{"zh": "x"}},
		"kind":       {Name: "x", Kind: "odd"},
		"no frame":   {Name: "x", Kind: KindTask},
		"no answer":  {Name: "x", Kind: KindTalk},
		"phrase":     {Name: "x", Kind: KindForeign, Phrases: []Phrase{{Lang: "zh", Text: " 　"}}},
		"language":   {Name: "x", Kind: KindForeign, Phrases: []Phrase{{Lang: "fr", Text: "bonjour"}}},
		"slot type":  {Name: "x", Kind: KindTask, Frame: &Frame{Slots: []FrameSlot{{Name: "a", Type: "b"}}, Answer: map[string]string{"zh": "x"}}},
		"no value":   {Name: "x", Kind: KindTask, Frame: &Frame{Answer: map[string]string{"zh": "{{nothing}}"}}},
		"bad regexp": {Name: "x", Kind: KindTask, Frame: &Frame{Slots: []FrameSlot{{Name: "a", Type: "text", Pattern: "(", Prompt: map[string]string{"zh": "?"}}}, Answer: map[string]string{"zh": "x"}}},
	} {
		err := h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.Store().PutIntent(t.Context(), tx, &i, "test") })
		if !errors.Is(err, ErrIntent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := t.TempDir() + "/sub/bot.key"
	s, err := openSealer(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	sealed := s.seal("a/id18", "secret")
	again, err := openSealer(path)
	must(t, err)
	if v, err := again.open("a/id18", sealed); err != nil || v != "secret" {
		t.Errorf("%q %v", v, err)
	}
	if _, err := again.open("b/id18", sealed); err == nil {
		t.Error("a value that was moved to another session opens")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := again.open("a/id18", sealed); err == nil {
		t.Error("a changed value opens")
	}
	must(t, os.WriteFile(path, []byte("short"), 0o600))
	if _, err := openSealer(path); err == nil {
		t.Error("a key that is none is taken")
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"订单号A2025070101", "{{order}}", "我的身份证是11010519491231002X", "你好 hello 6222 0202 0011 2230", "\xff", "one two three four"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := &Engine{cfg: Config{}.withDefaults()}
		in, refused := e.clean(Input{Text: s})
		if refused != "" {
			return
		}
		values, err := finder.Find(in.Text, day)
		if err != nil {
			t.Fatal(err)
		}
		models, people := mask(in.Text, values)
		for _, v := range values {
			if sealedName(nameOf(v.Type)) && (strings.Contains(people, v.Raw) || strings.Contains(models, v.Raw)) {
				t.Fatalf("%q shows %q", people, v.Raw)
			}
		}
		if fill(models, map[string]string{"order": "{{x}}"}); strings.Contains(fill("{{a}}", map[string]string{"a": s}), "\x00") && !strings.Contains(s, "\x00") {
			t.Fatal("a byte came from nowhere")
		}
	})
}

func FuzzParseTool(f *testing.F) {
	f.Add([]byte("name: t\nurl: http://x/{{a}}\nvalues: {a: b.c}\n"))
	f.Add([]byte("name: [\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		tool, err := ParseTool(doc)
		if err != nil {
			return
		}
		if _, err := tool.read([]byte(`{"a": [1, {"b": "c"}]}`)); err != nil {
			t.Fatal(err)
		}
		if req, err := tool.request(t.Context(), map[string]string{"a": "../x"}); err == nil && req.URL.Host == "" {
			t.Fatalf("no host in %s", req.URL)
		}
	})
}
