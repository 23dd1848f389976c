package call

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/audio"
	"tingxin/pg"
)

// LabelExport writes what people said about stretches of calls as training material: the
// sound of each stretch and a manifest that "pbx train emotion" reads. Speakers are numbered
// anew in each export; no telephone number, call or word leaves. A call whose caller did not
// consent, or has declined since, is left out, as is one without its recording.
type LabelExport struct {
	Store *Store
	// Recordings is the folder of recordings.
	Recordings string
}

// LabelsExported is what an export holds and what it left out.
type LabelsExported struct {
	Stretches, NoConsent, NoRecording int
}

// labelColumns is the first line of the manifest. "not angry" about an alert says that the
// caller was calm enough for none, so it counts as neutral.
const labelColumns = "corpus\tpath\tspeaker\tlabel\tlabel4\tseconds\n"

// labelled is a label with what is needed to cut its sound out.
type labelled struct {
	EmotionLabel
	id    int64
	from  string
	path  string
	state string
}

// longestStretch bounds one stretch: a turn is seldom longer, and the trainer wants turns.
const longestStretch = 60 * time.Second

// Zip writes the labels made since, oldest first, to w. When it fails, what was written is
// no archive.
func (x *LabelExport) Zip(ctx context.Context, w io.Writer, since time.Time) (LabelsExported, error) {
	var done LabelsExported
	z := zip.NewWriter(w)
	manifest := []byte(labelColumns)
	speakers := make(map[string]int)
	for after := int64(0); ; {
		batch, err := x.batch(ctx, since, after)
		if err != nil {
			return done, err
		}
		for i := range batch {
			l := &batch[i]
			after = l.id
			line, err := x.stretch(ctx, z, l, speakers, &done)
			if err != nil {
				return done, err
			}
			manifest = append(manifest, line...)
		}
		if len(batch) < rescoreBatch {
			break
		}
	}
	f, err := z.Create("manifest.tsv")
	if err == nil {
		_, err = f.Write(manifest)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return done, fmt.Errorf("export of labels: %w", err)
	}
	return done, nil
}

// batch reads the next labels. The last word about the same stretch counts.
func (x *LabelExport) batch(ctx context.Context, since time.Time, after int64) ([]labelled, error) {
	all, err := pg.Rows(ctx, x.Store.db, func(row pgx.CollectableRow) (labelled, error) {
		var l labelled
		var start, end int64
		err := row.Scan(&l.id, &l.CallID, &l.Side, &start, &end, &l.Label, &l.from, &l.path, &l.state)
		l.Start, l.End = time.Duration(start)*time.Millisecond, time.Duration(end)*time.Millisecond
		return l, err
	}, `select l.id, l.call_id, l.side, l.start_ms, l.end_ms, l.label, c.from_number, c.recording_path, c.recording_state
		from emotion_labels l join calls c on c.id = l.call_id
		where l.id > $1 and l.at >= $2 and not exists (select 1 from emotion_labels n
			where n.call_id = l.call_id and n.side = l.side and n.start_ms = l.start_ms and n.end_ms = l.end_ms and n.id > l.id)
		order by l.id limit $3`, after, since, rescoreBatch)
	return all, wrap("of labels", "export", err)
}

// stretch adds one label's sound and returns its line of the manifest, empty when it is left out.
func (x *LabelExport) stretch(ctx context.Context, z *zip.Writer, l *labelled, speakers map[string]int, done *LabelsExported) (string, error) {
	ok, err := x.Store.Consented(ctx, l.CallID, PurposeEmotion)
	if err != nil {
		return "", err
	}
	if !ok {
		done.NoConsent++
		return "", nil
	}
	if l.state != RecordingKept {
		done.NoRecording++
		return "", nil
	}
	pcm, err := x.cut(l)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errSound) {
		done.NoRecording++
		return "", nil
	}
	if err != nil {
		return "", err
	}
	// A caller without a number, and each agent's side of a call, is a speaker of that call.
	who := l.Side + " of " + l.CallID
	if l.Side == SideCaller && l.from != "" {
		who = l.from
	}
	if speakers[who] == 0 {
		speakers[who] = len(speakers) + 1
	}
	done.Stretches++
	name := "sound/" + strconv.Itoa(done.Stretches) + ".wav"
	f, err := z.Create(name)
	if err == nil {
		err = writeMono(f, pcm)
	}
	if err != nil {
		return "", fmt.Errorf("export of labels: %w", err)
	}
	class := "neutral"
	if l.Label == LabelAngry {
		class = "angry"
	}
	return fmt.Sprintf("own\t%s\ts%d\t%s\t%s\t%.2f\n", name, speakers[who], l.Label, class, float64(len(pcm))/audio.Rate), nil
}

// cut reads one side of a recording from l.Start to l.End, 16 kHz.
func (x *LabelExport) cut(l *labelled) ([]int16, error) {
	path := l.path
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.Recordings, path)
	}
	channel := 0
	if l.Side == SideAgent {
		channel = 1
	}
	in, err := openSound(path, channel)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if err := in.skip(l.Start); err != nil {
		return nil, errSound
	}
	var pcm []int16
	for want := min(l.End-l.Start, longestStretch); want > 0; want -= audio.FrameDur {
		var f audio.Frame
		if err := in.ReadFrame(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		pcm = append(pcm, f.PCM[:]...)
	}
	if len(pcm) == 0 {
		return nil, errSound
	}
	return pcm, nil
}

// writeMono writes pcm as a WAV file of 16 kHz.
func writeMono(w io.Writer, pcm []int16) error {
	size := uint32(2 * len(pcm))
	h := make([]byte, 0, recordingHeader+int(size))
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, size+recordingHeader-8)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, 1) // PCM
	h = binary.LittleEndian.AppendUint16(h, 1)
	h = binary.LittleEndian.AppendUint32(h, audio.Rate)
	h = binary.LittleEndian.AppendUint32(h, 2*audio.Rate)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data"...)
	h = binary.LittleEndian.AppendUint32(h, size)
	for _, v := range pcm {
		h = binary.LittleEndian.AppendUint16(h, uint16(v))
	}
	_, err := w.Write(h)
	return err
}
