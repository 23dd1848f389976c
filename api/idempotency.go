package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tingxin/pg"
)

const (
	idempotencyHeader = "Idempotency-Key"
	// idempotencyTime is how long an answer is kept.
	idempotencyTime = 24 * time.Hour
	// idempotencyRun is after how long a first request that never ended no longer stands in the way; no request runs as long.
	idempotencyRun = longRequest + time.Minute
	// idempotencyBody bounds the request, idempotencyAnswer the answer; a longer answer is not kept.
	idempotencyBody   = 1 << 20
	idempotencyAnswer = 256 << 10
)

// secretAnswers are routes whose answers hold a secret that is told once: they are never kept.
var secretAnswers = map[string]bool{
	http.MethodPost + " " + base + "/api-keys": true,
	http.MethodPost + " " + base + "/kiosks":   true,
}

// repeats is the table of answers to requests that may be sent again.
//
//	key_hash = HMAC(word, caller)  finds the row;  HMAC(word, "seal" caller)  opens it: the word itself is kept nowhere
type repeats struct {
	db  *pg.DB
	now func() time.Time
}

// kept is an answer as it is sealed.
type kept struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

func wordHash(word, purpose, user string) []byte {
	h := hmac.New(sha256.New, []byte(word))
	h.Write([]byte(purpose + "\x00" + user))
	return h.Sum(nil)
}

func (t repeats) cipher(word, user string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(wordHash(word, "seal", user))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

var (
	errOtherBody = errors.New("this Idempotency-Key was used for another request")
	errStillRuns = errors.New("the first request with this Idempotency-Key still runs")
)

// begin takes the word for a request. It returns the kept answer of an earlier one, nil when this is the
// first; errOtherBody or errStillRuns when neither.
func (t repeats) begin(ctx context.Context, word, user string, request []byte) (*kept, error) {
	key, now := wordHash(word, "find", user), t.now()
	n, err := t.db.Exec(ctx, `insert into idempotency (key_hash, request_hash, created_at) values ($1, $2, $3)
		on conflict (key_hash) do update set request_hash = $2, status = null, sealed = null, created_at = $3
		where idempotency.created_at < $4 or (idempotency.status is null and idempotency.created_at < $5)`,
		key, request, now, now.Add(-idempotencyTime), now.Add(-idempotencyRun))
	if err != nil || n == 1 {
		return nil, err
	}
	var before, sealed []byte
	var status *int
	err = pg.Map(t.db.Pool().QueryRow(ctx, `select request_hash, status, sealed from idempotency where key_hash = $1`, key).Scan(&before, &status, &sealed))
	if errors.Is(err, pg.ErrNotFound) { // forgotten this moment: the next attempt is the first
		return nil, errStillRuns
	}
	if err != nil {
		return nil, err
	}
	switch {
	case !bytes.Equal(before, request):
		return nil, errOtherBody
	case status == nil:
		return nil, errStillRuns
	}
	aead, err := t.cipher(word, user)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("kept answer is cut")
	}
	raw, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], key)
	if err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	var k kept
	return &k, json.Unmarshal(raw, &k)
}

// end keeps the answer; forget lets the request be tried again.
func (t repeats) end(ctx context.Context, word, user string, k *kept) error {
	raw, err := json.Marshal(k)
	if err != nil {
		return err
	}
	aead, err := t.cipher(word, user)
	if err != nil {
		return err
	}
	key, nonce := wordHash(word, "find", user), randomBytes(aead.NonceSize())
	_, err = t.db.Exec(ctx, `update idempotency set status = $2, sealed = $3 where key_hash = $1`, key, k.Status, aead.Seal(nonce, nonce, raw, key))
	return err
}

func (t repeats) forget(ctx context.Context, word, user string) error {
	_, err := t.db.Exec(ctx, `delete from idempotency where key_hash = $1`, wordHash(word, "find", user))
	return err
}

func (t repeats) expire(ctx context.Context) (int64, error) {
	return t.db.Exec(ctx, `delete from idempotency where created_at < $1`, t.now().Add(-idempotencyTime))
}

// onlyOnce answers a POST with an Idempotency-Key once: whoever sends it again within a day gets the same
// answer, and nothing is done twice. It stands behind guard. What another server has passed on was counted there.
func (s *Server) onlyOnce(c *gin.Context) {
	word := c.GetHeader(idempotencyHeader)
	who, known := c.Request.Context().Value(requestKey{}).(*caller)
	route := c.Request.Method + " " + c.FullPath()
	if word == "" || !known || c.Request.Method != http.MethodPost || secretAnswers[route] || c.GetHeader(nodeHeader) != "" || personal[firstPart(c.FullPath())] {
		c.Next()
		return
	}
	if len(word) > 255 {
		refuse(c, http.StatusBadRequest, "an Idempotency-Key has at most 255 bytes")
		return
	}
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, idempotencyBody+1))
	if err != nil || len(body) > idempotencyBody {
		c.Header("Connection", "close") // what is left of the body is no request
		refuse(c, http.StatusRequestEntityTooLarge, "a request with an Idempotency-Key has a body of 1 MB at most")
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", c.Request.Method, c.Request.URL.RequestURI(), c.ContentType())
	sum.Write(body)
	user := who.User.ID
	before, err := s.stored.begin(c.Request.Context(), word, user, sum.Sum(nil))
	switch {
	case errors.Is(err, errOtherBody):
		refuse(c, http.StatusConflict, errOtherBody.Error())
		return
	case errors.Is(err, errStillRuns):
		c.Header("Retry-After", "1")
		refuse(c, http.StatusConflict, errStillRuns.Error())
		return
	case err != nil:
		s.refuseError(c, err)
		return
	case before != nil:
		for name, value := range before.Header {
			c.Header(name, value)
		}
		c.Header("Idempotency-Replayed", "true")
		c.Status(before.Status)
		_, _ = c.Writer.Write(before.Body) // the client went away
		c.Abort()
		return
	}
	s.answerOnce(c, word, user)
}

// answerOnce lets the request run and keeps its answer. One that the server failed, or whose asker was gone, is forgotten.
func (s *Server) answerOnce(c *gin.Context, word, user string) {
	w := &copyWriter{ResponseWriter: c.Writer}
	c.Writer = w
	done := false
	defer func() { // also when the handler panics: the word is free again
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), 5*time.Second)
		defer cancel()
		var err error
		if status := w.Status(); !done || status >= 500 || status == statusGivenUp || status == http.StatusTooManyRequests || w.long {
			err = s.stored.forget(ctx, word, user)
		} else {
			k := &kept{Status: status, Header: map[string]string{}, Body: w.body.Bytes()}
			for _, name := range []string{"Content-Type", "Location", "Link"} {
				if v := w.Header().Get(name); v != "" {
					k.Header[name] = v
				}
			}
			err = s.stored.end(ctx, word, user, k)
		}
		if err != nil {
			s.log.Warn("answer not kept for its Idempotency-Key", "error", err)
		}
	}()
	c.Next()
	done = true
}

// copyWriter keeps what is written, up to idempotencyAnswer.
type copyWriter struct {
	gin.ResponseWriter
	body bytes.Buffer
	long bool
}

func (w *copyWriter) Write(b []byte) (int, error) {
	if w.long = w.long || w.body.Len()+len(b) > idempotencyAnswer; !w.long {
		w.body.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what is below.
func (w *copyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *copyWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }
