package adminapi

import (
	"bufio"
	"cmp"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strconv"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
	"rollcall/shared/spreadsheet"
	"rollcall/shared/verify"
)

func exportRoutes() []route {
	return []route{
		{Route{get, "/sync-log:export", "exportSyncLog", logReaders}, append([]string{"format"}, logFilter...), (*request).exportSyncLog},
		{Route{get, "/sync-log:verify", "verifySyncLog", logReaders}, []string{"provider", "since", "until"}, (*request).verifySyncLog},
		{Route{get, "/audit-log:export", "exportAuditLog", logReaders}, append([]string{"format"}, logFilter...), (*request).exportAuditLog},
		{Route{get, "/audit-log:verify", "verifyAuditLog", logReaders}, []string{"since", "until"}, (*request).verifyAuditLog},
		{Route{get, "/log-key", "getLogKey", logReaders}, nil, (*request).getLogKey},
	}
}

// stream is an answer that is written while it is produced. An error before the first byte is sent becomes a problem; a
// later one breaks the connection, because the client has an incomplete answer.
type stream struct {
	media, name string
	write       func(io.Writer) error
}

// streamBuffer is the number of bytes of a stream produced before its status is sent.
const streamBuffer = 64 << 10

// trackingWriter records whether anything was written, and whether the client has gone.
type trackingWriter struct {
	w             http.ResponseWriter
	started, gone bool
}

func (t *trackingWriter) Write(b []byte) (int, error) {
	t.started = true
	n, err := t.w.Write(b)
	t.gone = t.gone || err != nil
	return n, err
}

// limitedWriter accepts left bytes, and refuses more.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	l.left -= len(b)
	if l.left < 0 {
		return 0, directory.Errorf(directory.TooLarge, "the export is too large for one answer: start later (since), or choose one provider")
	}
	return l.w.Write(b)
}

func (r *request) stream(s stream) {
	out := &trackingWriter{w: r.w}
	size := cmp.Or(r.api.opts.MaxExport, streamBuffer)
	buffer := bufio.NewWriterSize(out, size)
	r.w.Header().Set("Content-Type", s.media)
	r.w.Header().Set("Content-Disposition", `attachment; filename="`+s.name+`"`)
	var err error
	if r.api.opts.MaxExport > 0 { // the whole export must fit before anything is sent
		err = s.write(&limitedWriter{buffer, size})
	} else {
		err = s.write(buffer)
	}
	if err == nil {
		err = buffer.Flush()
	}
	switch {
	case err == nil:
	case out.started:
		if !out.gone && directory.IsFault(err) {
			reqlog.Fail(r.ctx(), err)
		}
		panic(http.ErrAbortHandler)
	default:
		r.w.Header().Del("Content-Disposition")
		r.fail(err)
	}
}

func (r *request) exportLog(audit bool, name string) (answer, error) {
	x, err := r.readExport(audit)
	if err != nil {
		return answer{}, err
	}
	format, err := r.choice("format", "jsonl", "csv")
	if err != nil {
		return answer{}, err
	}
	ctx := r.ctx()
	s := stream{media: "application/jsonl", name: name + ".jsonl", write: func(w io.Writer) error { return r.as().Logs.Export(ctx, x, w) }}
	if format == "csv" {
		s = stream{media: "text/csv", name: name + ".csv", write: func(w io.Writer) error {
			return writeCSV(w, func(fn func(directory.LogEntry) error) error { return r.as().Logs.EachEntry(ctx, x, fn) })
		}}
	}
	return answer{stream: &s}, r.as().Logs.BeginExport(ctx, x, format)
}

func (r *request) readExport(audit bool) (administration.LogExport, error) {
	f, err := r.readFilter()
	return administration.LogExport{Filter: f, Audit: audit}, err
}

func (r *request) exportSyncLog() (answer, error)  { return r.exportLog(false, "sync-log") }
func (r *request) exportAuditLog() (answer, error) { return r.exportLog(true, "audit-log") }

var csvTitles = []string{
	"time", "action", "effects", "result", "provider", "user", "group", "target", "name", "attributes", "before", "after",
	"added", "removed", "actor", "actor id", "reason", "request", "client request", "version", "entry",
	"cause", "erased", "people", "explanation",
}

// writeCSV writes entries as a table, one line each.
func writeCSV(w io.Writer, each func(func(directory.LogEntry) error) error) error {
	return writeTable(w, csvTitles, func(row func(...string) error) error {
		return each(func(e directory.LogEntry) error { return row(entryCells(e)...) })
	})
}

// entryCells returns the cells of an entry, as csvTitles names them.
func entryCells(e directory.LogEntry) []string {
	var attributes, before, after []string
	for _, c := range e.Changes {
		attributes, before, after = append(attributes, c.Attr), append(before, valueCell(c.Before)), append(after, valueCell(c.After))
	}
	return []string{
		e.At.UTC().Format(instantForm), string(e.Action), joinCell(e.Effects), string(e.Result()), string(e.Provider), string(e.User),
		string(e.Group),
		e.Target, e.Name, joinCell(attributes), joinCell(before), joinCell(after), joinCell(e.Added), joinCell(e.Removed),
		string(e.Actor.Kind), e.Actor.ID, e.Actor.Reason, string(e.Actor.RequestID), string(e.Actor.ClientRequestID),
		strconv.FormatInt(e.Version, 10), string(e.ID),
		string(e.Cause()), strconv.FormatBool(len(e.Erased) > 0), strconv.Itoa(e.People), sentence(e),
	}
}

// joinCell joins texts to one cell.
func joinCell[T ~string](texts []T) string { return spreadsheet.Join(texts, "; ") }

// valueCell returns a JSON value for a cell: a string without quotes.
func valueCell(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

type verification struct {
	OK             bool     `json:"ok"`
	Signed         bool     `json:"signed"`
	Chains         int      `json:"chains"`
	Blocks         int      `json:"blocks"`
	Entries        int      `json:"entries"`
	Unsealed       int      `json:"unsealed"`
	Behind         int      `json:"unsealedBehind"`
	Checkpoints    int      `json:"checkpoints"`
	LastCheckpoint *instant `json:"lastCheckpoint,omitempty"`
	Line           int      `json:"line,omitempty"` // of an export, with the error
	Detail         string   `json:"detail,omitempty"`
}

func (r *request) verifyLog(audit bool) (answer, error) {
	x, err := r.readExport(audit)
	if err != nil {
		return answer{}, err
	}
	v, err := r.as().Logs.Verify(r.ctx(), x)
	out := verification{
		OK: err == nil, Signed: v.Signed, Chains: v.Chains, Blocks: v.Blocks, Entries: v.Entries, Unsealed: v.Unsealed, Behind: v.Behind,
		Checkpoints: v.Checkpoints, LastCheckpoint: timeOrNil(v.LastCheckpoint),
	}
	var bad *verify.Error
	if errors.As(err, &bad) {
		out.Line, out.Detail, err = bad.Line, bad.Detail, nil
	}
	return answer{body: out}, err
}

func (r *request) verifySyncLog() (answer, error)  { return r.verifyLog(false) }
func (r *request) verifyAuditLog() (answer, error) { return r.verifyLog(true) }

type logKey struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"publicKey"` // PEM
}

func (r *request) getLogKey() (answer, error) {
	der, err := r.as().Logs.SigningKey(r.ctx())
	if err != nil {
		return answer{}, err
	}
	return answer{
		body: logKey{directory.KeyID(der), "ECDSA_SHA_256", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
	}, nil
}
