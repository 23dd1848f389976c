package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"tingxin/asr/front"
)

const (
	batch = 256
	rate  = 3e-3 // Adam's first step, falling to nothing as a cosine
	decay = 1e-4
)

// Layout of the parameters, as asr/front reads them: per hidden unit its inputs and
// bias, then per output the units and its bias.
const (
	stride = front.Inputs + 1
	outAt  = front.Hidden * stride
	total  = outAt + front.Outputs*(front.Hidden+1)
)

// network is a perceptron with Adam.
type network struct {
	p, grad, m, v [total]float64
	step          int
}

func newNetwork(rng *rand.Rand) *network {
	n := new(network)
	for h := range front.Hidden {
		for i := range front.Inputs {
			n.p[h*stride+i] = rng.NormFloat64() * math.Sqrt(1.5/float64(front.Inputs))
		}
	}
	for o := range front.Outputs {
		for h := range front.Hidden {
			n.p[outAt+o*(front.Hidden+1)+h] = rng.NormFloat64() * math.Sqrt(1.5/float64(front.Hidden))
		}
	}
	return n
}

// epoch goes once over the examples in random order and returns the error in dB.
// done and span are the part of the training before and in this epoch.
func (n *network) epoch(examples []front.Example, quantile, done, span float64, rng *rand.Rand) float64 {
	order := rng.Perm(len(examples))
	var sum float64
	batches := len(order) / batch
	for b := range batches {
		clear(n.grad[:])
		for _, i := range order[b*batch : (b+1)*batch] {
			sum += n.learn(&examples[i], quantile)
		}
		n.update(rate * (0.02 + 0.98*0.5*(1+math.Cos(math.Pi*(done+span*float64(b)/float64(batches))))))
	}
	return 20 * math.Sqrt(sum/float64(max(1, batches*batch)*front.Outputs))
}

// forward gives the hidden units and the outputs for one input.
func (n *network) forward(in *[front.Inputs]float32) (act [front.Hidden]float64, out [front.Outputs]float64) {
	for h := range act {
		w := n.p[h*stride : (h+1)*stride]
		s := w[front.Inputs]
		for i, x := range in {
			s += w[i] * float64(x)
		}
		act[h] = max(0, s)
	}
	for o := range out {
		w := n.p[outAt+o*(front.Hidden+1) : outAt+(o+1)*(front.Hidden+1)]
		out[o] = w[front.Hidden]
		for h, a := range act {
			out[o] += w[h] * a
		}
	}
	return act, out
}

// learn adds one example's gradient and returns its squared error.
func (n *network) learn(e *front.Example, quantile float64) (loss float64) {
	var back [front.Hidden]float64
	act, out := n.forward(&e.In)
	for o := range front.Outputs {
		w := n.p[outAt+o*(front.Hidden+1) : outAt+(o+1)*(front.Hidden+1)]
		g := n.grad[outAt+o*(front.Hidden+1) : outAt+(o+1)*(front.Hidden+1)]
		d := out[o] - float64(e.Out[o])
		loss += d * d
		d *= 2 * quantile
		if d > 0 {
			d *= (1 - quantile) / quantile
		}
		d /= batch
		for h, a := range act {
			g[h] += 2 * d * a
			back[h] += 2 * d * w[h]
		}
		g[front.Hidden] += 2 * d
	}
	for h, d := range back {
		if act[h] == 0 {
			continue
		}
		g := n.grad[h*stride : (h+1)*stride]
		for i, x := range e.In {
			g[i] += d * float64(x)
		}
		g[front.Inputs] += d
	}
	return loss
}

// update is one step of Adam.
func (n *network) update(step float64) {
	n.step++
	c1, c2 := 1-math.Pow(0.9, float64(n.step)), 1-math.Pow(0.99, float64(n.step))
	step *= min(1, float64(n.step)/50)
	for i := range n.p {
		g := n.grad[i] + decay*n.p[i]
		n.m[i] = 0.9*n.m[i] + 0.1*g
		n.v[i] = 0.99*n.v[i] + 0.01*g*g
		n.p[i] -= step * (n.m[i] / c1) / (math.Sqrt(n.v[i]/c2) + 1e-8)
	}
}

// bytes is the file that asr/front embeds.
func (n *network) bytes() []byte {
	out := make([]byte, 0, 4*total)
	for _, v := range n.p {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
	}
	return out
}
