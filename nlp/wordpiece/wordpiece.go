// Package wordpiece cuts text into the pieces that a BERT model was trained on,
// piece for piece as the reference tokenizer does (Hugging Face tokenizers:
// BertNormalizer, BertPreTokenizer, WordPiece).
//
//	text -> clean -> space around Han -> [NFD, marks off, lower case] -> words -> longest pieces -> ids
//
// It owns no model and no limits of a service. One rule is stricter than the
// reference's default: text is always text, so who writes "[SEP]" gets the pieces
// of those five characters and not the separator (encode_special_tokens there).
package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the length in characters above which a word is [UNK] at once.
const maxWord = 100

// Tokenizer holds one vocabulary. It is read-only after Load and may be used from
// any goroutine.
type Tokenizer struct {
	first, rest map[string]int32 // pieces that begin a word, pieces that go on ("##" taken off)
	longest     int              // bytes of the longest piece
	fold        bool             // lower case, accents off
	unk         int32
	cls, sep    int32
}

// file is the part of tokenizer.json that is read.
type file struct {
	Normalizer struct {
		Type         string `json:"type"`
		CleanText    bool   `json:"clean_text"`
		ChineseChars bool   `json:"handle_chinese_chars"`
		StripAccents *bool  `json:"strip_accents"`
		Lowercase    bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type     string           `json:"type"`
		Unknown  string           `json:"unk_token"`
		Prefix   string           `json:"continuing_subword_prefix"`
		MaxChars int              `json:"max_input_chars_per_word"`
		Vocab    map[string]int32 `json:"vocab"`
	} `json:"model"`
}

// Whole tells whether a word is one piece of the vocabulary's first rank pieces, which stand in it by how often they were
// met.
func (t *Tokenizer) Whole(word string, rank int) bool {
	id, ok := t.first[word]
	return ok && int(id) < rank
}

// Load reads a tokenizer.json. It refuses any other kind than the one above, so
// that no model ever gets pieces cut in another way than it learnt.
func Load(path string) (*Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", path, err)
	}
	return t, nil
}

// Parse reads the bytes of a tokenizer.json.
func Parse(data []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	n, m := f.Normalizer, f.Model
	switch {
	case n.Type != "BertNormalizer" || f.PreTokenizer.Type != "BertPreTokenizer" || m.Type != "WordPiece":
		return nil, fmt.Errorf("it is %s, %s, %s and not a BERT tokenizer", n.Type, f.PreTokenizer.Type, m.Type)
	case !n.CleanText || !n.ChineseChars || n.StripAccents != nil || m.Prefix != "##" || m.MaxChars != maxWord:
		return nil, errors.New("it has settings that this tokenizer does not know")
	}
	t := &Tokenizer{first: make(map[string]int32, len(m.Vocab)), rest: make(map[string]int32, len(m.Vocab)/3), fold: n.Lowercase}
	for piece, id := range m.Vocab {
		if tail, ok := strings.CutPrefix(piece, "##"); ok && tail != "" {
			t.rest[tail] = id
			t.longest = max(t.longest, len(tail))
		} else {
			t.first[piece] = id
			t.longest = max(t.longest, len(piece))
		}
	}
	for name, to := range map[string]*int32{m.Unknown: &t.unk, "[CLS]": &t.cls, "[SEP]": &t.sep} {
		id, ok := t.first[name]
		if !ok {
			return nil, fmt.Errorf("its vocabulary lacks %q", name)
		}
		*to = id
	}
	return t, nil
}

// Encode returns [CLS], the pieces of text and [SEP], at most limit ids; what is
// cut off is cut at the end. A limit under 2 counts as 2.
func (t *Tokenizer) Encode(text string, limit int) []int32 {
	limit = max(limit, 2)
	ids := make([]int32, 1, min(limit, len(text)/2+3))
	ids[0] = t.cls
	w := words{t: t, ids: ids, limit: limit - 1}
	w.read(text)
	return append(w.ids, t.sep)
}

// words collects the runes of one word and cuts it when it ends.
type words struct {
	t     *Tokenizer
	buf   []byte
	runes int
	ids   []int32
	limit int
}

// read walks the text once. Accents come off by decomposing each character: the
// marks that NFD would reorder are all dropped, so the result is the same.
func (w *words) read(text string) {
	var decomposed [32]byte
	for i, r := range text {
		if len(w.ids) >= w.limit {
			return
		}
		if r == utf8.RuneError || r == 0 || control(r) {
			continue // the reference drops U+FFFD too
		}
		if unicode.IsSpace(r) {
			w.end()
			continue
		}
		if han(r) {
			w.end()
		}
		if !w.t.fold || r < utf8.RuneSelf {
			w.add(r)
		} else {
			size := utf8.RuneLen(r)
			for _, d := range string(norm.NFD.AppendString(decomposed[:0], text[i:i+size])) {
				if !unicode.Is(unicode.Mn, d) {
					w.add(d)
				}
			}
		}
		if han(r) {
			w.end()
		}
	}
	w.end()
}

func (w *words) add(r rune) {
	if w.t.fold {
		r = unicode.ToLower(r)
	}
	if unicode.IsSpace(r) {
		w.end() // some characters decompose to a space and a mark
		return
	}
	if punctuation(r) {
		w.end()
		w.put(r)
		w.end()
		return
	}
	w.put(r)
}

func (w *words) put(r rune) {
	if w.runes++; w.runes <= maxWord {
		w.buf = utf8.AppendRune(w.buf, r)
	}
}

// end cuts the collected word into the longest pieces from the left.
func (w *words) end() {
	word, runes := w.buf, w.runes
	w.buf, w.runes = w.buf[:0], 0
	if runes == 0 || len(w.ids) >= w.limit {
		return
	}
	begun := len(w.ids)
	if runes > maxWord {
		w.ids = append(w.ids, w.t.unk)
		return
	}
	vocab := w.t.first
	for len(word) > 0 {
		id, n := longest(vocab, word, w.t.longest)
		if n == 0 {
			w.ids = append(w.ids[:begun], w.t.unk)
			return
		}
		w.ids = append(w.ids, id)
		word, vocab = word[n:], w.t.rest
	}
	if len(w.ids) > w.limit {
		w.ids = w.ids[:w.limit]
	}
}

// longest finds the longest prefix of word that vocab holds and its length in bytes.
func longest(vocab map[string]int32, word []byte, limit int) (int32, int) {
	for n := min(len(word), limit); n > 0; n-- {
		if n < len(word) && !utf8.RuneStart(word[n]) {
			continue
		}
		if id, ok := vocab[string(word[:n])]; ok {
			return id, n
		}
	}
	return 0, 0
}

// control is what the reference's clean-up drops: other than tab and line ends the
// control, format and private characters, but not what is not assigned yet.
func control(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// punctuation is ASCII's as BERT sees it ($ and ^ too) and Unicode's category P.
func punctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < 0x7f && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return unicode.IsPunct(r)
}

// han holds the ranges of BERT's own list, with its gap at U+2B820.
func han(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4dbf, r >= 0x4e00 && r <= 0x9fff, r >= 0xf900 && r <= 0xfaff:
		return true
	case r < 0x20000:
		return false
	}
	return r <= 0x2a6df || r >= 0x2a700 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf || r >= 0x2f800 && r <= 0x2fa1f
}
