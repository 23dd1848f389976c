package call

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

// entry is one write to the database as the journal keeps it: exactly one of the
// pointers is set. Applying an entry twice does no harm.
type entry struct {
	Begin     *Record      `json:"begin,omitempty"`
	Answered  *answerEntry `json:"answered,omitempty"`
	Update    *Record      `json:"update,omitempty"`
	Utterance *Utterance   `json:"utterance,omitempty"`
	Consent   *ConsentRow  `json:"consent,omitempty"`
	Reading   *TurnReading `json:"reading,omitempty"`
	Alert     *Alert       `json:"alert,omitempty"`
	Mood      *SideMood    `json:"mood,omitempty"`
	Leg       *LegRecord   `json:"leg,omitempty"`
	Message   *Message     `json:"message,omitempty"`
	Answer    *Answer      `json:"answer,omitempty"`
	Finish    *finishEntry `json:"finish,omitempty"`
}

type answerEntry struct {
	Call string    `json:"call"`
	At   time.Time `json:"at"`
}

type finishEntry struct {
	Record Record      `json:"record"`
	Legs   []LegRecord `json:"legs"`
}

// call is the id of the call that the entry belongs to.
func (e *entry) call() string {
	switch {
	case e.Begin != nil:
		return e.Begin.ID
	case e.Answered != nil:
		return e.Answered.Call
	case e.Update != nil:
		return e.Update.ID
	case e.Utterance != nil:
		return e.Utterance.CallID
	case e.Consent != nil:
		return e.Consent.CallID
	case e.Reading != nil:
		return e.Reading.CallID
	case e.Alert != nil:
		return e.Alert.CallID
	case e.Mood != nil:
		return e.Mood.CallID
	case e.Leg != nil:
		return e.Leg.CallID
	case e.Message != nil:
		return e.Message.CallID
	case e.Answer != nil:
		return e.Answer.CallID
	case e.Finish != nil:
		return e.Finish.Record.ID
	}
	return ""
}

// maxLine bounds one line of a journal.
const maxLine = 16 << 20

var errTorn = errors.New("torn or damaged journal line")

// encodeLine is "crc32 json\n"; the sum tells a line cut by a crash from a whole one.
func encodeLine(e *entry) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return fmt.Appendf(make([]byte, 0, len(body)+10), "%08x %s\n", crc32.ChecksumIEEE(body), body), nil
}

// decodeLine is the reverse of encodeLine; line has no newline.
func decodeLine(line []byte) (*entry, error) {
	if len(line) < 10 || line[8] != ' ' {
		return nil, errTorn
	}
	var sum uint32
	if _, err := fmt.Sscanf(string(line[:8]), "%08x", &sum); err != nil || crc32.ChecksumIEEE(line[9:]) != sum {
		return nil, errTorn
	}
	var e entry
	if err := json.Unmarshal(line[9:], &e); err != nil || e.call() == "" {
		return nil, errTorn
	}
	return &e, nil
}

// journal is one append-only file. It is not safe for concurrent use.
type journal struct {
	f    *os.File
	size int64
}

// openJournal opens or makes the file and appends behind what is there.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &journal{f: f, size: size}, nil
}

// append writes one line. It is in the kernel's hands afterwards: a killed
// process does not lose it.
func (j *journal) append(line []byte) error {
	n, err := j.f.Write(line)
	if err != nil {
		if n > 0 && j.f.Truncate(j.size) != nil { // half a line would spoil the next one
			j.size += int64(n)
		}
		return fmt.Errorf("journal: %w", err)
	}
	j.size += int64(n)
	return nil
}

// empty forgets everything; all of it has been applied.
func (j *journal) empty() error {
	if err := j.f.Truncate(0); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.size = 0
	return nil
}

// readAt is the entry of the line at offset and the offset behind it; io.EOF at
// the end. A damaged line gives errTorn and the offset behind it.
func (j *journal) readAt(offset int64) (*entry, int64, error) {
	return readLine(bufio.NewReader(io.NewSectionReader(j.f, offset, j.size-offset)), offset)
}

func readLine(r *bufio.Reader, offset int64) (*entry, int64, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) <= maxLine {
			line = append(line, part...)
		}
		offset += int64(len(part))
		switch {
		case err == nil:
			e, err := decodeLine(bytes.TrimSuffix(line, []byte("\n")))
			return e, offset, err
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, offset, errTorn
		default:
			return nil, offset, err
		}
	}
}

// replay gives every whole entry of the file at path to apply, in order, and
// tells how many there were and how many lines were damaged.
func replay(path string, apply func(*entry) error) (applied, damaged int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		e, _, err := readLine(r, 0)
		switch {
		case errors.Is(err, io.EOF):
			return applied, damaged, nil
		case errors.Is(err, errTorn):
			damaged++
		case err != nil:
			return applied, damaged, fmt.Errorf("journal: %w", err)
		default:
			if err := apply(e); err != nil {
				return applied, damaged, err
			}
			applied++
		}
	}
}
