package top

import (
	"context"
	"io"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// asker answers questions, as Ask does.
type asker func(context.Context, Question) (Answer, error)

// screen is what the terminal shows.
type screen struct {
	ask   asker
	every time.Duration

	question Question
	answer   Answer
	err      error // of the last question; the answer is of an earlier one then
	asked    int   // questions so far: what belongs to an earlier one is ignored
	asking   bool
	cancel   context.CancelFunc

	width, height int
}

// Run shows the screen until the user quits, or the context ends.
func Run(ctx context.Context, out io.Writer, q Question, every time.Duration, ask asker) error {
	s := &screen{ask: ask, every: every, question: q, cancel: func() {}}
	defer func() { s.cancel() }()
	_, err := tea.NewProgram(s, tea.WithContext(ctx), tea.WithOutput(out), tea.WithAltScreen(), tea.WithoutSignalHandler()).Run()
	if ctx.Err() != nil {
		return nil // a signal
	}
	return err
}

// Init is called once.
func (s *screen) Init() tea.Cmd { return s.refresh() }

// answered and due are messages that belong to a question.
type (
	answered struct {
		question int
		answer   Answer
		err      error
	}
	due struct{ question int }
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// refresh asks anew, and forgets the question that is still asked.
func (s *screen) refresh() tea.Cmd {
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.cancel = cancel
	s.asked++
	s.asking = true
	number, question := s.asked, s.question
	question.Top = max(s.height-linesAround, 1)
	return func() tea.Msg {
		defer cancel()
		answer, err := s.ask(ctx, question)
		return answered{number, answer, err}
	}
}

// Update is called with each message. It never blocks.
func (s *screen) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch m := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
		return s, s.refresh()
	case tea.KeyMsg:
		return s, s.press(m.String())
	case answered:
		if m.question == s.asked {
			return s, s.take(m)
		}
	case due:
		if m.question == s.asked && !s.asking {
			return s, s.refresh()
		}
	}
	return s, nil
}

// take shows an answer, or why there is none, until the next question is due.
func (s *screen) take(m answered) tea.Cmd {
	s.asking = false
	if s.err = m.err; m.err == nil {
		s.answer = m.answer
	}
	return tea.Tick(s.every, func(time.Time) tea.Msg { return due{m.question} })
}

// press does what a key is for.
func (s *screen) press(key string) tea.Cmd {
	switch by := byKey(key); {
	case key == "q" || key == "ctrl+c" || key == "esc":
		s.cancel()
		return tea.Quit
	case key == "o":
		s.question.Sort = next(s.question.Sort)
	case key == " ":
	case by != "" && by != s.question.By:
		s.question.By = by
		s.answer.Rows = nil // they are of something else
	default:
		return nil
	}
	return s.refresh()
}

// next returns the order after this one, and after the last one the first.
func next(sort string) string {
	return orders[(slices.Index(orders, sort)+1)%len(orders)]
}
