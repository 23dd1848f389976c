import { Button } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { upload } from '../api/client';
import { useAct } from './words';

interface Report {
  errors: readonly { row: number; message: string }[];
}

interface Props<R extends Report> {
  /** Where the file is sent; `dry_run` says whether it is only tried. */
  path: string;
  hint: string;
  /** What a report says before its errors. */
  summary: (report: R) => ReactNode;
  /** Where an error is. */
  place: (error: R['errors'][number]) => string;
  done: (report: R) => void;
}

/** CsvImport takes a CSV file: first it says what would be done, then it is done. */
export function CsvImport<R extends Report>({ path, hint, summary, place, done }: Props<R>) {
  const { t } = useTranslation();
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<R | null>(null);
  const run = useAct((dry: boolean) => upload<R>(path, file as Blob, 'text/csv', { dry_run: dry }), {});
  const start = (dry: boolean) =>
    run.mutate(dry, {
      onSuccess: (found) => {
        setReport(found);
        if (dry) return;
        setFile(null);
        done(found);
      },
    });
  return (
    <>
      <p className="muted">{hint}</p>
      <div className="list-acts">
        <label className="file-button">
          {file?.name ?? t('contacts.choose')}
          <input
            className="hidden"
            type="file"
            accept=".csv,text/csv"
            onChange={(event) => {
              setFile(event.target.files?.[0] ?? null);
              setReport(null);
            }}
          />
        </label>
        <Button disabled={!file} loading={run.isPending} onClick={() => start(true)}>
          {t('contacts.dryRun')}
        </Button>
        <Button type="primary" disabled={!file || !report} onClick={() => start(false)}>
          {t('contacts.doImport')}
        </Button>
      </div>
      {report && (
        <div role="status" className="import-report">
          {summary(report)}
          {report.errors.length > 0 && (
            <ul className="import-errors">
              {report.errors.map((error) => (
                <li key={place(error)}>
                  <span className="num">{place(error)}</span> <span lang="en">{error.message}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </>
  );
}
