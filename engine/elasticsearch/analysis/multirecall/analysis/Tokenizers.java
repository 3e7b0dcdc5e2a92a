package multirecall.analysis;

import java.util.HashMap;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.classic.ClassicTokenizer;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.core.LetterTokenizer;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.apache.lucene.analysis.path.PathHierarchyTokenizer;
import org.apache.lucene.analysis.path.ReversePathHierarchyTokenizer;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.util.CharTokenizer;
import org.apache.lucene.util.AttributeFactory;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** What cuts the text into tokens, beside {@code standard}, which the server has itself. */
final class Tokenizers {

    private Tokenizers() {}

    static Map<String, AnalysisProvider<TokenizerFactory>> all() {
        Map<String, AnalysisProvider<TokenizerFactory>> all = new HashMap<>();
        all.put("whitespace", Tokenizers::whitespace);
        all.put("keyword", Tokenizers::keyword);
        all.put("letter", (index, env, name, settings) -> TokenizerFactory.newFactory(name, LetterTokenizer::new));
        all.put("pattern", Tokenizers::pattern);
        all.put("char_group", Tokenizers::charGroup);
        all.put("ngram", Tokenizers::ngram);
        all.put("edge_ngram", Tokenizers::edgeNgram);
        all.put("path_hierarchy", Tokenizers::pathHierarchy);
        all.put("classic", Tokenizers::classic);
        all.put("uax_url_email", Tokenizers::urlEmail);
        return all;
    }

    private static TokenizerFactory whitespace(IndexSettings index, Environment env, String name, Settings settings) {
        int longest = settings.getAsInt("max_token_length", CharTokenizer.DEFAULT_MAX_WORD_LEN);
        return TokenizerFactory.newFactory(name, () -> new WhitespaceTokenizer(longest));
    }

    private static TokenizerFactory keyword(IndexSettings index, Environment env, String name, Settings settings) {
        int bufferChars = settings.getAsInt("buffer_size", KeywordTokenizer.DEFAULT_BUFFER_SIZE);
        return TokenizerFactory.newFactory(name, () -> new KeywordTokenizer(bufferChars));
    }

    private static TokenizerFactory pattern(IndexSettings index, Environment env, String name, Settings settings) {
        Pattern pattern = Regex.compile(settings.get("pattern", "\\W+"), settings.get("flags"));
        int group = settings.getAsInt("group", -1);
        return TokenizerFactory.newFactory(name, () -> new PatternTokenizer(pattern, group));
    }

    private static TokenizerFactory charGroup(IndexSettings index, Environment env, String name, Settings settings) {
        int longest = settings.getAsInt("max_token_length", CharTokenizer.DEFAULT_MAX_WORD_LEN);
        IntPredicate cuts = c -> false;
        for (String entry : settings.getAsList("tokenize_on_chars")) {
            if (entry.isEmpty()) {
                throw new IllegalArgumentException("[tokenize_on_chars] cannot contain empty characters");
            }
            String cut = entry.length() == 1 ? entry : Escapes.unescape(entry);
            cuts = cuts.or(cut.length() == 1 ? c -> c == cut.charAt(0) : CharClasses.named(entry));
        }
        IntPredicate cutsHere = cuts;
        return TokenizerFactory.newFactory(
            name,
            () -> new CharTokenizer(AttributeFactory.DEFAULT_ATTRIBUTE_FACTORY, longest) {
                @Override
                protected boolean isTokenChar(int c) {
                    return !cutsHere.test(c);
                }
            });
    }

    private static TokenizerFactory ngram(IndexSettings index, Environment env, String name, Settings settings) {
        int min = settings.getAsInt("min_gram", NGramTokenizer.DEFAULT_MIN_NGRAM_SIZE);
        int max = settings.getAsInt("max_gram", NGramTokenizer.DEFAULT_MAX_NGRAM_SIZE);
        Ngrams.requireSmallDifference(index, min, max);
        IntPredicate inToken = tokenChars(settings);
        return TokenizerFactory.newFactory(
            name,
            () -> new NGramTokenizer(min, max) {
                @Override
                protected boolean isTokenChar(int c) {
                    return inToken.test(c);
                }
            });
    }

    private static TokenizerFactory edgeNgram(IndexSettings index, Environment env, String name, Settings settings) {
        int min = settings.getAsInt("min_gram", NGramTokenizer.DEFAULT_MIN_NGRAM_SIZE);
        int max = settings.getAsInt("max_gram", NGramTokenizer.DEFAULT_MAX_NGRAM_SIZE);
        IntPredicate inToken = tokenChars(settings);
        return TokenizerFactory.newFactory(
            name,
            () -> new EdgeNGramTokenizer(min, max) {
                @Override
                protected boolean isTokenChar(int c) {
                    return inToken.test(c);
                }
            });
    }

    private static IntPredicate tokenChars(Settings settings) {
        return CharClasses.tokenChars(settings.getAsList("token_chars"), settings.get("custom_token_chars"));
    }

    private static TokenizerFactory pathHierarchy(
        IndexSettings index, Environment env, String name, Settings settings) {
        int bufferChars = settings.getAsInt("buffer_size", 1024);
        char delimiter = single(settings.get("delimiter"), '/', "delimiter");
        char replacement = single(settings.get("replacement"), delimiter, "replacement");
        int skip = settings.getAsInt("skip", PathHierarchyTokenizer.DEFAULT_SKIP);
        boolean reverse = settings.getAsBoolean("reverse", false);
        return TokenizerFactory.newFactory(
            name,
            () -> reverse
                ? new ReversePathHierarchyTokenizer(bufferChars, delimiter, replacement, skip)
                : new PathHierarchyTokenizer(bufferChars, delimiter, replacement, skip));
    }

    private static char single(String value, char otherwise, String key) {
        if (value == null) {
            return otherwise;
        }
        if (value.length() != 1) {
            throw new IllegalArgumentException(key + " must be a one char value");
        }
        return value.charAt(0);
    }

    private static TokenizerFactory classic(IndexSettings index, Environment env, String name, Settings settings) {
        int longest = settings.getAsInt("max_token_length", 255);
        return TokenizerFactory.newFactory(name, () -> {
            ClassicTokenizer tokenizer = new ClassicTokenizer();
            tokenizer.setMaxTokenLength(longest);
            return tokenizer;
        });
    }

    private static TokenizerFactory urlEmail(IndexSettings index, Environment env, String name, Settings settings) {
        int longest = settings.getAsInt("max_token_length", 255);
        return TokenizerFactory.newFactory(name, () -> {
            UAX29URLEmailTokenizer tokenizer = new UAX29URLEmailTokenizer();
            tokenizer.setMaxTokenLength(longest);
            return tokenizer;
        });
    }
}
