package embed

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"tingxin/nlp"
	"tingxin/nlp/wordpiece"
)

// Languages that have a model.
var Languages = []string{"zh", "en"}

// MaxPieces is the length in word pieces at which a text is cut, [CLS] and [SEP]
// counted: an answer passage of 350 characters fits.
const MaxPieces = 384

// Vectors of one sentence, each of unit length. Whoever gets them may keep but not
// change them: the cache gives them to others.
type Vectors struct {
	// CLS is the vector of the first piece, what the model was trained to compare.
	CLS []float32
	// Mean is the mean over all pieces; classifiers do better with both.
	Mean []float32
}

// library is the process-wide state of ONNX Runtime: one path, loaded once, kept
// until the process ends because its threads do not survive being unloaded.
var library struct {
	sync.Mutex
	path string
	err  error
}

// openLibrary loads ONNX Runtime. Another path than the first one's is refused.
func openLibrary(path string) error {
	library.Lock()
	defer library.Unlock()
	if library.path != "" {
		if library.err == nil && path != library.path {
			return fmt.Errorf("ONNX Runtime was loaded from %s already", library.path)
		}
		return library.err
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("ONNX Runtime at %s cannot be used (1.24 or later is needed): %w", path, err)
	}
	library.path = path
	return nil
}

// model is one language's session. Its run is safe from several goroutines.
type model struct {
	tokens  *wordpiece.Tokenizer
	session *ort.DynamicAdvancedSession
	size    int
	version string
}

// openModel reads a model of ONNX Runtime's and its tokenizer. The version names
// whatever moves a vector: weights, runtime, and how we prepare text.
func openModel(dir, lang string, size int) (*model, error) {
	tokens, err := wordpiece.Load(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	weights, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return nil, fmt.Errorf("sentence model: %w", err)
	}
	session, err := newSession(weights)
	if err != nil {
		return nil, fmt.Errorf("sentence model %s: %w", dir, err)
	}
	version := fmt.Sprintf("bge-small-%s-v1.5-q %.4x, onnxruntime %s, text %d", lang, sha256.Sum256(weights), ort.GetVersion(), textVersion)
	m := &model{tokens: tokens, session: session, size: size, version: version}
	if _, err := m.embed("test"); err != nil {
		return nil, errors.Join(fmt.Errorf("sentence model %s: %w", dir, err), session.Destroy())
	}
	return m, nil
}

// textVersion is raised when a text is prepared in another way, as vectors move then.
const textVersion = 1

// prepare is what the models get to read. The Chinese tokenizer knows no capitals:
// it would take "iPhone" and "VIP" for the same unknown word.
func prepare(text string) string { return nlp.Fold(text) }

func newSession(weights []byte) (*ort.DynamicAdvancedSession, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	// One thread a sentence: the workers are the parallelism.
	err = errors.Join(options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1), options.SetMemPattern(false))
	if err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(weights, []string{"input_ids", "attention_mask", "token_type_ids"}, []string{"last_hidden_state"}, options)
}

// embed runs one prepared text.
func (m *model) embed(text string) (Vectors, error) {
	ids := m.tokens.Encode(text, MaxPieces)
	n := len(ids)
	input := make([]int64, 3*n) // ids, mask of ones, types of zeros
	for i, id := range ids {
		input[i], input[n+i] = int64(id), 1
	}
	shape := ort.NewShape(1, int64(n))
	values := make([]ort.Value, 0, 3)
	defer func() {
		for _, v := range values {
			v.Destroy()
		}
	}()
	for i := range 3 {
		tensor, err := ort.NewTensor(shape, input[i*n:(i+1)*n])
		if err != nil {
			return Vectors{}, err
		}
		values = append(values, tensor)
	}
	output := []ort.Value{nil}
	if err := m.session.Run(values, output); err != nil {
		return Vectors{}, err
	}
	defer output[0].Destroy()
	state, ok := output[0].(*ort.Tensor[float32])
	if !ok {
		return Vectors{}, fmt.Errorf("it gave %T", output[0])
	}
	return m.pool(state.GetData(), n)
}

// pool copies the vectors out of the runtime's memory.
func (m *model) pool(state []float32, pieces int) (Vectors, error) {
	if len(state) != pieces*m.size {
		return Vectors{}, fmt.Errorf("it gave %d numbers for %d pieces of %d", len(state), pieces, m.size)
	}
	both := make([]float32, 2*m.size)
	v := Vectors{CLS: both[:m.size:m.size], Mean: both[m.size:]}
	copy(v.CLS, state)
	for i := range pieces {
		for j, x := range state[i*m.size : (i+1)*m.size] {
			v.Mean[j] += x
		}
	}
	nlp.Normalize(v.CLS)
	nlp.Normalize(v.Mean)
	return v, nil
}

// Sizes of the vectors per language.
var sizes = map[string]int{"zh": 512, "en": 384}
