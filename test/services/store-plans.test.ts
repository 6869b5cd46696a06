import { describe, expect, it } from 'vitest';
import * as citations from '../../main/services/store/citations.ts';
import * as conversations from '../../main/services/store/conversations.ts';
import * as documents from '../../main/services/store/documents.ts';
import { openReadable } from '../../main/services/store/db.ts';
import * as jobs from '../../main/services/store/jobs.ts';
import * as messages from '../../main/services/store/messages.ts';
import * as search from '../../main/services/store/search.ts';
import * as watchedFolders from '../../main/services/store/watched-folders.ts';
import { databaseIn, open, tempFolder } from './store-support.ts';

// How SQLite runs each hot query. A change here is a change of speed: think before updating it. What is scanned is a
// working table of a few rows, an index that holds only what is asked for, or read in order up to a limit.
const plans: Record<string, [sql: string, plan: string[]]> = {
  'one conversation': [
    conversations.GET_CONVERSATION,
    ['SEARCH conversations USING INDEX sqlite_autoindex_conversations_1 (id=?)'],
  ],
  'a page of conversations': [
    conversations.listConversations({ folder: false }),
    ['SEARCH conversations USING INDEX conversations_by_update ((updated_ms,id)<(?,?))'],
  ],
  'a page of a folder': [
    conversations.listConversations({ folder: true, pinned: false }),
    ['SEARCH conversations USING INDEX conversations_in_folder (folder_id=? AND (updated_ms,id)<(?,?))'],
  ],
  'a page of what is pinned': [
    conversations.listConversations({ folder: false, pinned: true }),
    ['SEARCH conversations USING INDEX conversations_pinned (pinned=? AND (updated_ms,id)<(?,?))'],
  ],
  'what was in the bin for too long': [
    conversations.LIST_EXPIRED,
    ['SEARCH conversations USING COVERING INDEX conversations_in_bin (deleted_ms>? AND deleted_ms<?)'],
  ],
  'a page of the bin': [
    conversations.LIST_BIN,
    ['SEARCH conversations USING INDEX conversations_in_bin (deleted_ms>? AND (deleted_ms,id)<(?,?))'],
  ],
  'one message': [messages.GET_MESSAGE, ['SEARCH m USING INDEX sqlite_autoindex_messages_1 (id=?)']],
  'the messages of conversations that have read a document': [
    citations.LIST_SOURCES,
    [
      'CO-ROUTINE readers',
      'SEARCH r USING COVERING INDEX message_documents_of (document_id=?)',
      'SEARCH messages USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'USE TEMP B-TREE FOR DISTINCT',
      'SCAN readers',
      'SEARCH m USING INDEX sqlite_autoindex_messages_2 (conversation_id=? AND id>?)',
      'USE TEMP B-TREE FOR ORDER BY',
    ],
  ],
  'the documents of a conversation': [
    documents.GET_ASKED,
    [
      'SCAN named VIRTUAL TABLE INDEX 1:',
      'SEARCH d USING INDEX sqlite_autoindex_documents_1 (id=?)',
      'SEARCH c USING INTEGER PRIMARY KEY (rowid=?)',
      'CORRELATED SCALAR SUBQUERY 1',
      'SEARCH document_tables USING PRIMARY KEY (content_id=?)',
      'USE TEMP B-TREE FOR ORDER BY',
    ],
  ],
  'the path to a message': [
    messages.GET_PATH,
    [
      'CO-ROUTINE path',
      'SETUP',
      'SEARCH messages USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'RECURSIVE STEP',
      'SCAN path',
      'SEARCH parent USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'SCAN path',
      'SEARCH m USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'USE TEMP B-TREE FOR ORDER BY',
    ],
  ],
  'the end of a path': [
    messages.GET_UPWARDS,
    [
      'CO-ROUTINE path',
      'SETUP',
      'SCAN CONSTANT ROW',
      'RECURSIVE STEP',
      'SCAN path',
      'SEARCH child USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'SCAN path',
      'SEARCH m USING INDEX sqlite_autoindex_messages_1 (id=?)',
    ],
  ],
  'which messages a path leads through': [
    messages.GET_IDS_UPWARDS,
    [
      'CO-ROUTINE path',
      'SETUP',
      'SCAN CONSTANT ROW',
      'RECURSIVE STEP',
      'SCAN path',
      'SEARCH child USING INDEX sqlite_autoindex_messages_1 (id=?)',
      'SCAN path',
    ],
  ],
  'children and siblings': [
    messages.GET_CHILDREN,
    ['SEARCH messages USING COVERING INDEX messages_by_parent (conversation_id=? AND parent_id=?)'],
  ],
  'where a conversation branches': [
    messages.GET_FORKS,
    [
      'SEARCH messages USING COVERING INDEX messages_by_parent (conversation_id=?)',
      'USE TEMP B-TREE FOR json_group_array(ORDER BY)',
    ],
  ],
  'the newest leaf': [
    messages.GET_NEWEST_LEAF,
    [
      'CO-ROUTINE descent',
      'SETUP',
      'SCAN CONSTANT ROW',
      'RECURSIVE STEP',
      'SCAN descent',
      'CORRELATED SCALAR SUBQUERY 2',
      'SEARCH child USING COVERING INDEX messages_by_parent (conversation_id=? AND parent_id=?)',
      'SCAN descent',
      'USE TEMP B-TREE FOR ORDER BY',
    ],
  ],
  'pieces of an answer': [messages.GET_CHUNKS, ['SEARCH message_chunks USING PRIMARY KEY (message_id=?)']],
  'how fast a model was': [messages.GET_MEASURED, ['SEARCH messages USING INDEX messages_measured (model=?)']],
  'what was interrupted': [messages.GET_UNFINISHED, ['SCAN messages USING INDEX messages_unfinished']],
  'entries that match': [
    search.FIND_ENTRIES,
    [
      'CO-ROUTINE (subquery-1)',
      'SCAN search_fts VIRTUAL TABLE INDEX 192:M2',
      'SCAN (subquery-1)',
      'USE TEMP B-TREE FOR ORDER BY',
    ],
  ],
  'whether very much matches': [
    search.COUNT_ENTRIES,
    ['CO-ROUTINE (subquery-1)', 'SCAN search_fts VIRTUAL TABLE INDEX 0:M2', 'SCAN (subquery-1)'],
  ],
  'one hit': [
    search.GET_HIT,
    [
      'SEARCH e USING INTEGER PRIMARY KEY (rowid=?)',
      'SEARCH m USING INDEX sqlite_autoindex_messages_1 (id=?) LEFT-JOIN',
      'SEARCH c USING INDEX sqlite_autoindex_conversations_1 (id=?)',
    ],
  ],
  'recent jobs': [jobs.LIST_JOBS, ['SCAN jobs USING INDEX jobs_by_creation']],
  'jobs about a document': [
    jobs.LIST_JOBS_ABOUT,
    [
      'SEARCH jobs USING INDEX jobs_open (kind=?)',
      'LIST SUBQUERY 1',
      'SCAN json_each VIRTUAL TABLE INDEX 1:',
      'SCAN named EXISTS VIRTUAL TABLE INDEX 3:',
    ],
  ],
  'the documents that are left of a file': [
    watchedFolders.LINK_DOCUMENTS,
    ['SCAN given VIRTUAL TABLE INDEX 1:', 'SEARCH d USING COVERING INDEX sqlite_autoindex_documents_1 (id=?)'],
  ],
  'how many files a document stands for': [
    watchedFolders.COUNT_HOLDERS,
    ['SEARCH watched_documents USING COVERING INDEX watched_documents_of (document_id=?)'],
  ],
  'unfinished jobs': [jobs.LIST_UNFINISHED_JOBS, ['SCAN jobs USING INDEX jobs_unfinished']],
};

describe('the query plan of', () => {
  it.each(Object.entries(plans))('%s reads no more than it must', (_, [sql, plan]) => {
    const path = databaseIn(tempFolder());
    open(path).close();
    const db = openReadable(path);
    const rows = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql.replace(/:\w+/g, 'NULL')}`).all();
    db.close();
    expect(rows.map(({ detail }) => detail)).toEqual(plan);
  });
});
