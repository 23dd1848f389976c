package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws/wsutil"

	"tingxin/chat/chattest"
)

// Whatever a page sends, it is kept or refused by a frame, counted when it was no frame, and a tab that behaves goes on.
func TestAbuseByPollAndSocket(t *testing.T) {
	h := open(t, nil)
	token := h.token(DefaultSite, sessionAsk{})
	auth := []string{"Authorization", "Bearer " + token}
	frameOf := func(id, text string) string {
		return fmt.Sprintf(`{"type":"msg","client_msg_id":%q,"text":%s}`, id, chattest.Raw(text))
	}
	hostile := map[string]string{}
	for name, text := range chattest.Abuse {
		hostile[name] = frameOf(strings.ReplaceAll(name, " ", "-"), text)
	}
	hostile["deep"] = `{"type":"msg","client_msg_id":"deep","text":"x","data":` + chattest.Deep[:20_000] + `}`
	hostile["no frame"] = `{"type":7,"client_msg_id":["x"],"text":{}}`
	hostile["strange type"] = `{"type":"__proto__","client_msg_id":"p","text":"<script>"}`
	hostile["strange id"] = `{"type":"msg","client_msg_id":"\u0000<script>","text":"x"}`
	leaks := func(name string, raw []byte) {
		t.Helper()
		var any json.RawMessage
		if json.Unmarshal(raw, &any) != nil || strings.Contains(string(raw), "<script>") || strings.Contains(string(raw), "pgx") || strings.Contains(string(raw), "SQLSTATE") {
			t.Errorf("%s: %.200s", name, raw)
		}
	}
	for name, raw := range hostile {
		status, body := h.call("POST", "/widget/send", []byte(`{"frames":[`+raw+`]}`), auth...)
		if status >= 500 || status == 0 {
			t.Errorf("%s by poll: %d %.200s", name, status, body)
		}
		leaks(name, body)
	}
	if status, _ := h.call("POST", "/widget/send", []byte(chattest.Deep), auth...); status < 400 || status >= 500 {
		t.Errorf("deep nesting by poll: %d", status)
	}
	for name, raw := range hostile {
		b := h.tab(token)
		must(t, b.connect())
		must(t, wsutil.WriteClientText(b.conn, []byte(raw)))
		for range 200 { // it is acknowledged, refused, or the socket is closed: never silence
			got, err := wsutil.ReadServerText(b.conn)
			if err != nil {
				break
			}
			leaks(name, got)
			var r reply
			if json.Unmarshal(got, &r) == nil && (r.Type == "ack" || r.Type == "error") {
				break
			}
		}
		b.conn.Close()
	}
	good := h.tab(token)
	must(t, good.connect())
	must(t, good.send(frame{Type: "msg", ClientID: "good", Text: "hello"}))
	good.until("an acknowledgement", func() bool { return len(good.pending) == 0 })
	good.conn.Close()
	if st := h.web.Stats(); st.BadFrames == 0 {
		t.Errorf("%+v", st)
	}
}
