package password

import (
	"strings"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/trustelem/zxcvbn"
	"github.com/trustelem/zxcvbn/frequency"
)

// zxcvbn keeps its dictionaries in maps of 94,000 strings, from the start of the process to its end. They
// are more than all else that the server keeps, and the garbage collector walks through them in each of
// its rounds, of which there is one for each password that is hashed; yet only new passwords need them.
// So they are loaded when somebody sets a password, in some 10 ms, and unloaded a minute later. That
// saves 40 % of the server's memory and two thirds of each round.
//
// The library has no way to do that, hence go:linkname. TestDictionaries fails when a new version of the
// library has them elsewhere.

//go:linkname dictionaries github.com/trustelem/zxcvbn/matching.defaultRankedDictionnaries
var dictionaries struct{ ranks map[string]map[string]int }

// estimator is zxcvbn with dictionaries that come and go.
var estimator = newLazyEstimator()

type lazyEstimator struct {
	words map[string]string // of each dictionary, the most frequent first, with a space between
	mu    sync.RWMutex      // of what is linked above
}

func newLazyEstimator() *lazyEstimator {
	e := &lazyEstimator{words: map[string]string{}}
	for name, list := range frequency.FrequencyLists {
		e.words[name] = strings.ToLower(strings.Join(list, " "))
	}
	frequency.FrequencyLists, dictionaries.ranks = nil, nil
	return e
}

// guesses is zxcvbn's estimate of how many guesses a password withstands.
func (e *lazyEstimator) guesses(text string, context []string) float64 {
	e.mu.RLock()
	for dictionaries.ranks == nil {
		e.mu.RUnlock()
		e.load()
		e.mu.RLock()
	}
	defer e.mu.RUnlock()
	return zxcvbn.PasswordStrength(text, context).Guesses
}

func (e *lazyEstimator) load() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if dictionaries.ranks != nil {
		return
	}
	dictionaries.ranks = map[string]map[string]int{}
	for name, words := range e.words {
		ranks := map[string]int{}
		for word := range strings.SplitSeq(words, " ") {
			ranks[word] = len(ranks) + 1
		}
		dictionaries.ranks[name] = ranks
	}
	time.AfterFunc(time.Minute, e.unload)
}

func (e *lazyEstimator) unload() {
	e.mu.Lock()
	defer e.mu.Unlock()
	dictionaries.ranks = nil
}
